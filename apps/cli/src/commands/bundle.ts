import { resolve } from "node:path";
import {
	AgentvError,
	archiveBundle,
	type BundlePlan,
	type DiskView,
	judgeArchive,
	openDiskView,
	planBundle,
	resolveBenchmarkPaths,
	writeBundle,
} from "@agentv/core";
import { bundleText, copyingLine, planText } from "../bundle/bundle-text.ts";
import type { CommandResult, Context } from "../context.ts";
import { version } from "../version.ts";

interface BundleCommandOptions {
	readonly output?: string;
	readonly benchmark?: string;
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly captureEnv?: boolean;
	readonly pin?: boolean;
	readonly vendorRepos?: boolean;
	readonly include?: readonly string[];
	readonly includeOutside?: boolean;
	readonly allowSecret?: readonly string[];
	readonly archive?: string;
	readonly dryRun?: boolean;
	readonly force?: boolean;
	readonly json?: boolean;
}

export async function bundle(file: string, options: BundleCommandOptions, context: Context): Promise<CommandResult> {
	const { output } = options;
	const archive = options.archive === undefined ? undefined : resolve(context.cwd, options.archive);
	if (output === undefined)
		throw new AgentvError("usage", "missing required option '-o, --output <dir>'", {
			hint: "Specify the output directory with -o <dir>.",
		});
	if (archive !== undefined && !/\.(tgz|tar\.gz|zip)$/i.test(archive))
		throw new AgentvError("usage", `${archive} is not a .tgz or .zip file`);
	if (archive !== undefined) judgeArchive(archive, resolve(context.cwd, output), options.force === true);
	const view = openDiskView();
	const source = options.benchmark === undefined ? file : onlyEval(options.benchmark, file, context, view);
	const plan = await planBundle({
		...{ file: source, output, cwd: context.cwd, env: context.env, view },
		agentvVersion: version,
		targets: options.target,
		targetsFile: options.targets,
		captureEnv: options.captureEnv,
		pin: options.pin,
		vendorRepos: options.vendorRepos,
		include: options.include,
		includeOutside: options.includeOutside,
		allowedSecrets: options.allowSecret,
		force: options.force,
		signal: context.signal,
	});
	const how = { json: options.json === true, cwd: context.cwd, stdout: context.stdout };
	if (options.dryRun) return planText(plan, how);
	const manifest = await write(plan, context);
	if (archive !== undefined) await archiveBundle(plan.output, archive, { signal: context.signal });
	return bundleText(plan, manifest, how, archive);
}

/** Returns the single eval that `path` matches. @throws AgentvError if it matches several */
function onlyEval(benchmark: string, path: string, { env }: Context, view: DiskView): string {
	const { files } = resolveBenchmarkPaths(benchmark, [path], { env, view });
	const [only, ...others] = files;
	if (only !== undefined && others.length === 0) return only;
	throw new AgentvError(
		"usage",
		`${path} names ${files.length} evals of ${benchmark}, but a bundle can only contain one`,
		{
			hint: "Specify one eval file.",
		},
	);
}

async function write(plan: BundlePlan, { stderr, signal }: Context) {
	let shown = false;
	const clearLine = () => (stderr.steer ?? stderr.write)("\r\u001b[K");
	try {
		for await (const progress of writeBundle(plan, { signal })) {
			if (progress.type === "done") return progress.manifest;
			const line = copyingLine(progress, stderr.columns);
			// A progress bar is only useful on a terminal.
			if (!stderr.isTTY || line === undefined) continue;
			clearLine();
			stderr.write(line);
			shown = true;
		}
	} finally {
		if (shown) clearLine();
	}
	throw new AgentvError("internal", "the bundle was not finished");
}
