import type { TableRow } from "@agentv/core";
import { z } from "zod";
import { matcher } from "./search.ts";
import { nameField, pageField, pageSizeField, searchField } from "./valid.ts";

export const rowsQuery = z.object({
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	status: z.enum(["ok", "quality_failure", "execution_error"]).optional(),
	target: nameField,
	eval: nameField,
	sort: z.enum(["order", "test", "status", "score", "target", "duration", "cost"]).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
type RowsQuery = z.output<typeof rowsQuery>;

type Key = Exclude<RowsQuery["sort"], "order" | undefined>;

const keys: { readonly [Name in Key]: (row: TableRow) => string | number } = {
	test: (row) => row.testId,
	status: (row) => ["execution_error", "quality_failure", "ok"].indexOf(row.status),
	score: (row) => row.score,
	target: (row) => row.target,
	duration: (row) => row.durationMs,
	cost: (row) => row.costUsd ?? -1,
};

/** The rows that a table asks for, in the order that it asks for. */
export function selectRows(rows: readonly TableRow[], query: RowsQuery): readonly TableRow[] {
	const { search, status, target, eval: label, sort = "order", descending } = query;
	const matches = matcher(search);
	const wanted = rows.filter(
		(row) =>
			(!status || row.status === status) &&
			(!target || row.target === target) &&
			(!label || row.eval === label) &&
			(!search || matches(`${row.testId} ${row.target} ${row.error?.message ?? ""}`)),
	);
	const turn = descending === "true" ? -1 : 1;
	if (sort === "order") return turn === 1 ? wanted : wanted.reverse();
	const key = keys[sort];
	return wanted
		.map((row, index) => ({ row, index, by: key(row) }))
		.sort((a, b) => (a.by === b.by ? a.index - b.index : (a.by < b.by ? -1 : 1) * turn))
		.map(({ row }) => row);
}
