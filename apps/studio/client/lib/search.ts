import { type SearchSchemaInput, stripSearchParams } from "@tanstack/react-router";

/**
 * A number is an integer of at least its default; an array lists the choices, the default first.
 * Addresses omit defaults.
 */
type Parameter = string | number | boolean | readonly [string, ...string[]];

type ValueOf<P extends Parameter> = P extends readonly (infer Choice)[]
	? Choice
	: P extends string
		? string
		: P extends number
			? number
			: boolean;

type Search<Parameters extends Record<string, Parameter>> = {
	readonly [Key in keyof Parameters]: ValueOf<Parameters[Key]>;
};

/** Returns a route's options for search parameters that links may omit. */
function define<const Parameters extends Record<string, Parameter>>(parameters: Parameters) {
	const mapped = (value: (parameter: Parameter, key: string) => unknown) =>
		Object.fromEntries(
			Object.entries(parameters).map(([key, parameter]) => [key, value(parameter, key)]),
		) as Search<Parameters>;
	const defaults = mapped((parameter) => (typeof parameter === "object" ? parameter[0] : parameter));
	return {
		/** An address may contain anything. */
		validateSearch: (raw: Partial<Search<Parameters>> & SearchSchemaInput) =>
			mapped((parameter, key) => readParameter(parameter, Reflect.get(raw, key))),
		search: withoutDefaults(defaults),
	};
}

function withoutDefaults<Values extends object>(defaults: Values) {
	return { middlewares: [stripSearchParams<Values>(defaults)] };
}

function readParameter(parameter: Parameter, value: unknown): unknown {
	if (typeof parameter === "object") return parameter.find((choice) => choice === value) ?? parameter[0];
	if (typeof parameter === "boolean") return value === true || value === "true";
	if (typeof parameter === "string") return typeof value === "string" || typeof value === "number" ? String(value) : "";
	const number = Number(value);
	return Number.isSafeInteger(number) && number > parameter ? number : parameter;
}

export const list = define({ page: 1, search: "" });

export const evals = define({ page: 1, search: "", state: ["", "errors", "warnings", "clean", "unknown"] });
export type EvalsSearch = ReturnType<typeof evals.validateSearch>;

/** `line` is a line of the source; 0 for none. */
export const evalScreen = define({ tab: ["source", "tests", "setup"], search: "", line: 0 });

/** `pick`: comma-separated ids of the runs selected for comparison. */
export const runs = define({ page: 1, search: "", experiment: "", target: "", benchmark: "", eval: "", pick: "" });
export type RunsSearch = ReturnType<typeof runs.validateSearch>;

export const run = define({
	search: "",
	status: ["", "passed", "failed", "error", "not_run"],
	target: "",
	eval: "",
	sort: ["order", "test", "status", "score", "target", "duration", "cost"],
	descending: false,
});
export type RunSearch = ReturnType<typeof run.validateSearch>;

export const compare = define({
	page: 1,
	search: "",
	/** Comma-separated ids; the others are compared with the first. */
	runs: "",
	/** Index of the comparison whose tests are listed. */
	after: 0,
	part: ["comparable", "changed", "new", "gone", "errors"],
	differing: ["", "test", "graders", "workspace", "hooks", "target", "unknown"],
	/** `change` sorts by the size of the difference. */
	sort: ["change", "test", "before", "after", "delta"],
	descending: false,
	/** Comma-separated parts whose differences are ignored. */
	vary: "",
	/** The row whose outputs are open. */
	test: "",
});
export type CompareSearch = ReturnType<typeof compare.validateSearch>;
