import { useQuery } from "@tanstack/react-query";
import { aboutQuery } from "./queries.ts";

/** True where this Studio has no route that writes; also until it is known, so that no button appears and goes. */
export function useReadOnly(): boolean {
	return useQuery(aboutQuery).data?.read_only ?? true;
}
