import { flagOf, oneOf, pageOf, type RawSearch, textOf } from "./search-params.ts";

/** What each screen's address may say after `?`: its shape, its usual values (left out of addresses), how it is read. */
export interface ListSearch {
	readonly page: number;
	readonly search: string;
}
export const listUsual: ListSearch = { page: 1, search: "" };
export const readList = (raw: RawSearch): ListSearch => ({ page: pageOf(raw), search: textOf(raw, "search") });

const evalStates = ["", "errors", "warnings", "clean", "unknown"] as const;
export interface EvalsSearch extends ListSearch {
	readonly state: (typeof evalStates)[number];
}
export const evalsUsual: EvalsSearch = { ...listUsual, state: "" };
export const readEvals = (raw: RawSearch): EvalsSearch => ({
	...readList(raw),
	state: oneOf(raw, "state", evalStates),
});

const evalTabs = ["source", "tests", "setup"] as const;
export interface EvalSearch {
	readonly tab: (typeof evalTabs)[number];
	readonly search: string;
	/** A line of the source to show; 0: none. */
	readonly line: number;
}
export const evalUsual: EvalSearch = { tab: "source", search: "", line: 0 };
export const readEval = (raw: RawSearch): EvalSearch => ({
	tab: oneOf(raw, "tab", evalTabs),
	search: textOf(raw, "search"),
	line: Number(raw["line"]) || 0,
});

export interface RunsSearch extends ListSearch {
	readonly experiment: string;
	readonly target: string;
	readonly benchmark: string;
	readonly eval: string;
	/** Ids of runs that are picked to be compared, commas between them. */
	readonly pick: string;
}
export const runsUsual: RunsSearch = { ...listUsual, experiment: "", target: "", benchmark: "", eval: "", pick: "" };
export const readRuns = (raw: RawSearch): RunsSearch => ({
	...readList(raw),
	experiment: textOf(raw, "experiment"),
	target: textOf(raw, "target"),
	benchmark: textOf(raw, "benchmark"),
	eval: textOf(raw, "eval"),
	pick: textOf(raw, "pick"),
});

const testStatuses = ["", "ok", "quality_failure", "execution_error", "not_run"] as const;
const testSorts = ["order", "test", "status", "score", "target", "duration", "cost"] as const;
export interface RunSearch {
	readonly search: string;
	readonly status: (typeof testStatuses)[number];
	readonly target: string;
	readonly sort: (typeof testSorts)[number];
	readonly descending: boolean;
}
export const runUsual: RunSearch = { search: "", status: "", target: "", sort: "order", descending: false };
export const readRun = (raw: RawSearch): RunSearch => ({
	search: textOf(raw, "search"),
	status: oneOf(raw, "status", testStatuses),
	target: textOf(raw, "target"),
	sort: oneOf(raw, "sort", testSorts),
	descending: flagOf(raw, "descending"),
});

const comparedParts = ["comparable", "changed", "new", "gone", "errors"] as const;
const comparedSorts = ["change", "test", "before", "after", "delta"] as const;
const differingParts = ["", "test", "graders", "workspace", "hooks", "target", "unknown"] as const;
export interface CompareSearch extends ListSearch {
	/** Ids of runs, commas between them; the first is what the others are compared with. */
	readonly runs: string;
	/** Which of the others is shown in full, from 0. */
	readonly after: number;
	readonly part: (typeof comparedParts)[number];
	/** Of changed tests only those that differ in this. */
	readonly differing: (typeof differingParts)[number];
	/** `change`: those that moved most first. */
	readonly sort: (typeof comparedSorts)[number];
	readonly descending: boolean;
	/** Parts of tests that are meant to differ, commas between them. */
	readonly vary: string;
	/** The row whose answers are shown side by side. */
	readonly test: string;
}
export const compareUsual: CompareSearch = {
	...listUsual,
	...{ runs: "", after: 0, part: "comparable", differing: "", sort: "change", descending: false, vary: "", test: "" },
};
export const readCompare = (raw: RawSearch): CompareSearch => ({
	...readList(raw),
	runs: textOf(raw, "runs"),
	after: Math.max(0, Math.trunc(Number(raw["after"])) || 0),
	part: oneOf(raw, "part", comparedParts),
	differing: oneOf(raw, "differing", differingParts),
	sort: oneOf(raw, "sort", comparedSorts),
	descending: flagOf(raw, "descending"),
	vary: textOf(raw, "vary"),
	test: textOf(raw, "test"),
});
