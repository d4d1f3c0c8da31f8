import type { Output } from "../context.ts";

/** How wide a table may be: as wide as it likes where no terminal would break its lines. */
export function tableColumns({ isTTY, columns }: Output): number {
	return isTTY ? columns : Number.POSITIVE_INFINITY;
}
