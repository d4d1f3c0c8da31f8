import { finding } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import type { Assertion, BuiltInAssertion } from "./eval-types.ts";
import { badRegex, conflictingFields, schemaShape, unknownSetting, unsupportedField } from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import { type Part, placeOf } from "./source.ts";

/**
 * Reports settings of a grader that match its schema but can't be used: an invalid pattern, a
 * setting that nothing reads, a missing reference.
 * @returns whether the grader can be used
 */
export function checkAssertion(assertion: BuiltInAssertion, part: Part, loading: Loading): boolean {
	checkMinScore(assertion, part, loading);
	switch (assertion.type) {
		case "regex":
			return checkRegex(assertion.settings, part, loading);
		case "llm-grader":
			checkConfig(assertion, part, loading);
			return true;
		case "tool-trajectory":
			return checkTrajectory(assertion.settings, part, loading);
		case "token-usage":
			warnOfNoBounds(part, ["max_total", "max_input", "max_output"], loading);
			return true;
		case "execution-metrics":
			return checkMetrics(part, loading);
		default:
			return true;
	}
}

/** A number under `required` is a deprecated spelling of `min_score`. */
function checkMinScore({ settings }: BuiltInAssertion, part: Part, loading: Loading): void {
	if (typeof settings.required !== "number" || settings.minScore === undefined) return;
	const data = { keys: ["min_score", "required"] } as const;
	loading.report(finding(conflictingFields, data, placeOf(part, ["required"], "key")));
}

function checkRegex(
	{ value, flags }: { readonly value: string; readonly flags?: string | undefined },
	part: Part,
	loading: Loading,
): boolean {
	try {
		new RegExp(value, flags);
		return true;
	} catch (error) {
		const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error);
		const key = flags !== undefined && /^Invalid flags/i.test(reason) ? "flags" : "value";
		loading.report(finding(badRegex, { pattern: value, reason }, placeOf(part, [key])));
		return false;
	}
}

type Settings<Type extends BuiltInAssertion["type"]> = Extract<BuiltInAssertion, { type: Type }>["settings"];

function checkConfig({ settings }: Extract<BuiltInAssertion, { type: "llm-grader" }>, part: Part, loading: Loading) {
	if (settings.config === undefined || typeof settings.prompt === "object") return;
	const hint = "only a prompt that a program prints (`prompt: {command}`) gets a `config`";
	loading.report(finding(unsupportedField, { key: "config", hint }, placeOf(part, ["config"], "key")));
}

function checkTrajectory(settings: Settings<"tool-trajectory">, part: Part, loading: Loading): boolean {
	const { mode, expected, minimums } = settings;
	const counts = Object.keys(minimums ?? {}).length;
	if (counts > 0 && (mode === "exact" || mode === "subset")) {
		const hint = "use `any_order`, `in_order` or `superset`, or a separate grader for the counts";
		const at = placeOf(part, ["minimums"], "key");
		loading.report(finding(unsupportedField, { key: `minimums with mode ${mode}`, hint }, at));
		return false;
	}
	if (counts > 0 || (expected ?? []).length > 0 || mode === "exact") return true;
	loading.shape(part.at, "tool-trajectory", "needs `expected` or `minimums`: otherwise every answer passes");
	return false;
}

const metrics = ["max_tool_calls", "max_llm_calls", "max_tokens", "max_cost_usd", "max_duration_ms"];

function checkMetrics(part: Part, loading: Loading): boolean {
	const fields = part.value as Readonly<Record<string, unknown>>;
	if (fields.exploration_tolerance !== undefined && fields.target_exploration_ratio === undefined) {
		const at = placeOf(part, ["exploration_tolerance"], "key");
		const hint = "add the `target_exploration_ratio` that it modifies";
		loading.report(finding(unsupportedField, { key: "exploration_tolerance", hint }, at));
		return false;
	}
	warnOfNoBounds(part, [...metrics, "target_exploration_ratio"], loading);
	return true;
}

/** A grader without a bound is never graded. */
function warnOfNoBounds(part: Part, keys: readonly string[], loading: Loading): void {
	const fields = part.value as Readonly<Record<string, unknown>>;
	if (keys.some((key) => fields[key] !== undefined)) return;
	const message = `needs one of ${keys.map((key) => `\`${key}\``).join(", ")}, otherwise it is not graded`;
	loading.report({ ...finding(schemaShape, { field: String(fields.type), message }, part.at), severity: "warning" });
}

type Composite = Extract<BuiltInAssertion, { type: "composite" }>;

/** The settings that each kind of aggregator reads. */
const aggregatorKeys: Readonly<Record<string, readonly string[]>> = {
	"weighted-average": ["weights"],
	threshold: ["threshold"],
	"code-grader": ["command", "path", "cwd"],
	"llm-grader": ["prompt", "target"],
};

/** Reports settings of another kind of aggregator, and parts that it could not distinguish. */
export function checkAggregator(
	{ settings }: Composite,
	parts: readonly Assertion[],
	part: Part,
	loading: Loading,
): boolean {
	const { aggregator } = settings;
	const type = aggregator.type.replaceAll("_", "-");
	const known = aggregatorKeys[type] ?? [];
	const written = (part.value as { aggregator: Readonly<Record<string, unknown>> }).aggregator;
	const others = new Set(Object.values(aggregatorKeys).flat());
	for (const key of Object.keys(written)) {
		if (!others.has(key) || known.includes(key)) continue;
		const hint = `remove it: an aggregator of type ${aggregator.type} has no such setting`;
		loading.report(finding(unsupportedField, { key, hint }, placeOf(part, ["aggregator", key], "key")));
	}
	if (type === "code-grader" && aggregator.command === undefined && aggregator.path === undefined) {
		loading.shape(placeOf(part, ["aggregator"]), "aggregator.command", "is required (text or a list of words)");
		return false;
	}
	const names = parts.map(({ name }) => name);
	for (const key of Object.keys(aggregator.weights ?? {})) {
		if (names.includes(key)) continue;
		const data = { key, nearest: nearestName(key, names) };
		loading.report(finding(unknownSetting, data, placeOf(part, ["aggregator", "weights", key], "key")));
	}
	if (type === "code-grader" || aggregator.weights !== undefined) reportSharedNames(parts, loading);
	return true;
}

/** The aggregator identifies parts by their names. */
function reportSharedNames(parts: readonly Assertion[], loading: Loading): void {
	const seen = new Set<string>();
	for (const { name, at } of parts) {
		if (seen.has(name))
			loading.shape(
				at,
				"name",
				`${JSON.stringify(name)} is the name of two parts, which the aggregator could not distinguish`,
			);
		seen.add(name);
	}
}
