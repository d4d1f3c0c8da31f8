import { resolve } from "node:path";
import {
	AgentvError,
	discoverEvals,
	type EvalValidation,
	openDiskView,
	parseRuleLevels,
	ruleDoc,
	validateEvals,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";
import type { ValidationReporter } from "../validation/reporter.ts";

interface ValidateCommandOptions {
	readonly format: string;
	readonly strict?: boolean;
	readonly quiet?: boolean;
	readonly rule: readonly string[];
	readonly targets?: string;
	readonly explain?: string;
}

/** Each format's reporter, loaded when it is asked for. */
const reporters: Readonly<Record<string, () => Promise<ValidationReporter>>> = {
	text: async () => (await import("../report/validate-text.ts")).validateText,
	json: async () => (await import("../report/validate-json.ts")).validateJson,
};

/** `agentv eval validate`: judges evals and prints what was found. */
export async function evalValidate(
	args: readonly string[],
	options: ValidateCommandOptions,
	context: Context,
): Promise<CommandResult> {
	if (options.explain !== undefined) {
		const { explainRule } = await import("../report/validate-explain.ts");
		return explainRule(ruleDoc(options.explain), colorsFor(context.stdout));
	}
	if (args.length === 0)
		throw new AgentvError("usage", "missing required argument 'evals'", {
			hint: "Name an eval file, a directory or a glob. `agentv eval validate --help` lists what there is.",
		});
	const open = Object.hasOwn(reporters, options.format) ? reporters[options.format] : undefined;
	if (!open)
		throw new AgentvError("usage", `there is no format ${JSON.stringify(options.format)}`, {
			hint: `formats: ${Object.keys(reporters).join(", ")}`,
		});
	const levels = parseRuleLevels(options.rule);
	const view = openDiskView();
	const files = discoverEvals(args, context.cwd, view);
	const evals: EvalValidation[] = [];
	const validation = validateEvals(files, {
		view,
		env: context.env,
		cwd: context.cwd,
		levels,
		signal: context.signal,
		...(options.targets === undefined ? {} : { targetsFile: resolve(context.cwd, options.targets) }),
	});
	for await (const result of validation) evals.push(result);
	return (await open())({
		evals,
		cwd: context.cwd,
		strict: options.strict === true,
		quiet: options.quiet === true,
		colors: colorsFor(context.stdout),
	});
}
