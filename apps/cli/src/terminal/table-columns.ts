import type { Output } from "../context.ts";

/** Returns the maximum width of a table; unlimited unless the output is a terminal. */
export function tableColumns({ isTTY, columns }: Output): number {
	return isTTY ? columns : Number.POSITIVE_INFINITY;
}
