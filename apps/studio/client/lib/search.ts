/** The search parameters of every screen: their types, their defaults (left out of addresses), how they are read. */
type RawSearch = Readonly<Record<string, unknown>>;

function readText(raw: RawSearch, key: string): string {
	const value = raw[key];
	return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Returns the first of `choices` if the value is none of them. */
function readChoice<Choice extends string>(
	raw: RawSearch,
	key: string,
	choices: readonly [Choice, ...Choice[]],
): Choice {
	return choices.find((choice) => choice === raw[key]) ?? choices[0];
}

function readFlag(raw: RawSearch, key: string): boolean {
	return raw[key] === true || raw[key] === "true";
}

export interface ListSearch {
	readonly page: number;
	readonly search: string;
}
export const listDefaults: ListSearch = { page: 1, search: "" };
export function readList(raw: RawSearch): ListSearch {
	const page = Number(raw["page"]);
	return { page: Number.isSafeInteger(page) && page > 0 ? page : 1, search: readText(raw, "search") };
}

const evalStates = ["", "errors", "warnings", "clean", "unknown"] as const;
export interface EvalsSearch extends ListSearch {
	readonly state: (typeof evalStates)[number];
}
export const evalsDefaults: EvalsSearch = { ...listDefaults, state: "" };
export const readEvals = (raw: RawSearch): EvalsSearch => ({
	...readList(raw),
	state: readChoice(raw, "state", evalStates),
});

const evalTabs = ["source", "tests", "setup"] as const;
export interface EvalSearch {
	readonly tab: (typeof evalTabs)[number];
	readonly search: string;
	/** The line of the source to highlight; 0 for none. */
	readonly line: number;
}
export const evalDefaults: EvalSearch = { tab: "source", search: "", line: 0 };
export const readEval = (raw: RawSearch): EvalSearch => ({
	tab: readChoice(raw, "tab", evalTabs),
	search: readText(raw, "search"),
	line: Number(raw["line"]) || 0,
});

export interface RunsSearch extends ListSearch {
	readonly experiment: string;
	readonly target: string;
	readonly benchmark: string;
	readonly eval: string;
	/** Comma-separated ids of the runs selected for comparison. */
	readonly pick: string;
}
export const runsDefaults: RunsSearch = {
	...listDefaults,
	experiment: "",
	target: "",
	benchmark: "",
	eval: "",
	pick: "",
};
export const readRuns = (raw: RawSearch): RunsSearch => ({
	...readList(raw),
	experiment: readText(raw, "experiment"),
	target: readText(raw, "target"),
	benchmark: readText(raw, "benchmark"),
	eval: readText(raw, "eval"),
	pick: readText(raw, "pick"),
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
export const runDefaults: RunSearch = { search: "", status: "", target: "", sort: "order", descending: false };
export const readRun = (raw: RawSearch): RunSearch => ({
	search: readText(raw, "search"),
	status: readChoice(raw, "status", testStatuses),
	target: readText(raw, "target"),
	sort: readChoice(raw, "sort", testSorts),
	descending: readFlag(raw, "descending"),
});

const comparedParts = ["comparable", "changed", "new", "gone", "errors"] as const;
const comparedSorts = ["change", "test", "before", "after", "delta"] as const;
const differingParts = ["", "test", "graders", "workspace", "hooks", "target", "unknown"] as const;
export interface CompareSearch extends ListSearch {
	/** Comma-separated ids of runs; the others are compared with the first. */
	readonly runs: string;
	/** Index of the comparison whose tests are listed. */
	readonly after: number;
	readonly part: (typeof comparedParts)[number];
	/** Limits changed tests to those that differ in this. */
	readonly differing: (typeof differingParts)[number];
	/** `change` sorts by the size of the difference. */
	readonly sort: (typeof comparedSorts)[number];
	readonly descending: boolean;
	/** Comma-separated parts of tests that are ignored in the comparison. */
	readonly vary: string;
	/** The row whose outputs are shown side by side. */
	readonly test: string;
}
export const compareDefaults: CompareSearch = {
	...listDefaults,
	runs: "",
	after: 0,
	part: "comparable",
	differing: "",
	sort: "change",
	descending: false,
	vary: "",
	test: "",
};
export const readCompare = (raw: RawSearch): CompareSearch => ({
	...readList(raw),
	runs: readText(raw, "runs"),
	after: Math.max(0, Math.trunc(Number(raw["after"])) || 0),
	part: readChoice(raw, "part", comparedParts),
	differing: readChoice(raw, "differing", differingParts),
	sort: readChoice(raw, "sort", comparedSorts),
	descending: readFlag(raw, "descending"),
	vary: readText(raw, "vary"),
	test: readText(raw, "test"),
});
