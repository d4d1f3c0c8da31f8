import { resolve } from "node:path";
import {
	AgentvError,
	applyFixes,
	discoverEvals,
	type EvalValidation,
	type FixPlan,
	type FixWhen,
	offeredEdits,
	openDiskView,
	parseRuleLevels,
	planFixes,
	resolveBenchmarkPaths,
	ruleDoc,
	type ValidateOptions,
	validateEvals,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { validationFormats } from "../exporters/formats.ts";
import { colorsFor } from "../output/terminal.ts";
import { planDiff, ruleText, summaryOf } from "../output/validate.ts";

interface ValidateCommandOptions {
	readonly format: keyof typeof validationFormats;
	readonly fix?: boolean;
	readonly dryRun?: boolean;
	readonly migrate?: boolean;
	readonly pin?: boolean;
	readonly strict?: boolean;
	readonly quiet?: boolean;
	readonly rule: readonly string[];
	readonly benchmark?: string;
	readonly targets?: string;
	readonly explain?: string;
}

export async function evalValidate(
	args: readonly string[],
	options: ValidateCommandOptions,
	context: Context,
): Promise<CommandResult> {
	if (options.explain !== undefined)
		return { text: ruleText(ruleDoc(options.explain), colorsFor(context.stdout)), exitCode: 0 };
	if (args.length === 0 && options.benchmark === undefined)
		throw new AgentvError("usage", "missing required argument 'evals'", {
			hint: "Specify an eval file, a directory or a glob. See `agentv eval validate --help`.",
		});
	const validation: ValidateOptions = {
		view: openDiskView(),
		env: context.env,
		cwd: context.cwd,
		levels: parseRuleLevels(options.rule),
		signal: context.signal,
		named: args.map((arg) => resolve(context.cwd, arg)),
		targetsFile: options.targets === undefined ? undefined : resolve(context.cwd, options.targets),
	};
	const { view } = validation;
	const files =
		options.benchmark === undefined
			? discoverEvals(args, context.cwd, view)
			: resolveBenchmarkPaths(options.benchmark, args, { env: context.env, view }).files;
	const modes = modesOf(options);
	const plan = modes.size > 0 ? await planFixes(files, { ...validation, modes }) : undefined;
	// Keeps the diff out of a machine-readable stdout.
	if (plan && options.dryRun && options.format !== "text") context.stderr.write(planDiff(plan, context.cwd));
	if (plan && !options.dryRun) applyFixes(plan, { ...validation, modes });
	const evals: EvalValidation[] = [];
	// The fixes have changed files that the first view has cached.
	for await (const result of validateEvals(files, { ...validation, view: plan ? openDiskView() : validation.view }))
		evals.push(plan && !options.dryRun ? withFixed(result, plan) : result);
	const report = await validationFormats[options.format]();
	const strict = options.strict === true;
	const shown = report({
		evals,
		cwd: context.cwd,
		strict,
		quiet: options.quiet === true,
		colors: colorsFor(context.stdout),
		...(plan ? { plan, dryRun: options.dryRun === true } : {}),
		...(options.format === "sarif"
			? { offered: await offeredEdits(files, { ...validation, view: openDiskView() }) }
			: {}),
	});
	const { errors, warnings } = summaryOf(evals);
	return { ...shown, exitCode: errors > 0 || (strict && warnings > 0) ? 1 : 0 };
}

/** `--dry-run` alone implies `--fix`. */
function modesOf({ fix, dryRun, migrate, pin }: ValidateCommandOptions): Set<FixWhen> {
	const modes: [FixWhen, boolean | undefined][] = [
		["fix", fix || (dryRun && !migrate && !pin)],
		["migrate", migrate],
		["pin", pin],
	];
	return new Set(modes.filter(([, wanted]) => wanted).map(([mode]) => mode));
}

/** Omits fixed findings that are found again. */
function withFixed(result: EvalValidation, plan: FixPlan): EvalValidation {
	const left = new Set(result.diagnostics.map(({ rule, message, at }) => `${rule}\0${message}\0${at.file}`));
	const fixed = (plan.fixed.get(result.file) ?? []).filter(
		({ rule, message, at }) => !left.has(`${rule}\0${message}\0${at.file}`),
	);
	return { ...result, diagnostics: [...fixed, ...result.diagnostics] };
}
