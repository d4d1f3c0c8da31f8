import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { EvalEntry, EvalMarkEvent, EvalMarks } from "../../server/answers/evals.ts";
import { apiAddress } from "./api.ts";
import { readEvents, withIds } from "./read-events.ts";

/** What it takes time to know of the evals on a page, by id; those already known come with the list. */
export function useEvalMarks(entries: readonly EvalEntry[]): ReadonlyMap<string, EvalMarks> {
	const client = useQueryClient();
	const missing = entries.filter(({ marks }) => marks === null).map(({ id }) => id);
	const key = ["eval-marks", missing.join()];
	const found = useQuery<ReadonlyMap<string, EvalMarks>>({
		queryKey: key,
		enabled: missing.length > 0,
		staleTime: Number.POSITIVE_INFINITY,
		gcTime: 0,
		queryFn: async ({ signal }) => {
			let known: ReadonlyMap<string, EvalMarks> = new Map();
			await readEvents<EvalMarkEvent>(`${apiAddress}/evals/marks${withIds(missing)}`, signal, (event) => {
				if (event.type !== "marks") return;
				known = new Map(known).set(event.id, event.marks);
				client.setQueryData(key, known);
			});
			return known;
		},
	});
	return found.data ?? new Map();
}
