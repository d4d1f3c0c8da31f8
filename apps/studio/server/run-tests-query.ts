import type { CaseOutcome, TableRow } from "@agentv/core";
import { z } from "zod";
import type { TestStatus } from "./answers/runs.ts";
import { matcher } from "./search.ts";
import { nameField, pageField, pageSizeField, searchField } from "./valid.ts";

/** Names of test statuses in the API. */
export const testStatuses = {
	passed: "ok",
	failed: "quality_failure",
	error: "execution_error",
	not_run: "not_run",
} as const satisfies Readonly<Record<CaseOutcome["status"], TestStatus>>;

export const testsQuery = z.object({
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	status: z.enum(["ok", "quality_failure", "execution_error", "not_run"]).optional(),
	target: nameField,
	eval: nameField,
	sort: z.enum(["order", "test", "status", "score", "target", "duration", "cost"]).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
type TestsQuery = z.output<typeof testsQuery>;

type Outcome = CaseOutcome<TableRow>;
type Key = Exclude<TestsQuery["sort"], "order" | undefined>;

const statusOrder: readonly Outcome["status"][] = ["error", "failed", "not_run", "passed"];

const keys: { readonly [Name in Key]: (outcome: Outcome) => string | number } = {
	test: ({ testId }) => testId,
	status: ({ status }) => statusOrder.indexOf(status),
	score: ({ score }) => score ?? -1,
	target: ({ target }) => target,
	duration: ({ attempts }) => attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
	cost: ({ attempts }) => attempts.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), -1e-9),
};

/** Filters and sorts tests by the query. */
export function selectTests(outcomes: readonly Outcome[], query: TestsQuery): readonly Outcome[] {
	const { search, status, target, eval: label, sort = "order", descending } = query;
	const matches = matcher(search);
	const wanted = outcomes.filter(
		(outcome) =>
			(!status || testStatuses[outcome.status] === status) &&
			(!target || outcome.target === target) &&
			(!label || outcome.eval === label) &&
			(!search || matches(textOf(outcome))),
	);
	const turn = descending === "true" ? -1 : 1;
	if (sort === "order") return turn === 1 ? wanted : wanted.reverse();
	const key = keys[sort];
	return wanted
		.map((outcome, index) => ({ outcome, index, by: key(outcome) }))
		.sort((a, b) => (a.by === b.by ? a.index - b.index : (a.by < b.by ? -1 : 1) * turn))
		.map(({ outcome }) => outcome);
}

function textOf({ testId, target, attempts }: Outcome): string {
	return [testId, target, ...attempts.map(({ error }) => error?.message ?? "")].join(" ");
}
