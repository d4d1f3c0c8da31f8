import { resolve } from "node:path";
import {
	AgentvError,
	archiveBundle,
	type BundlePlan,
	type DiskView,
	describeBundle,
	judgeArchive,
	listBundle,
	openDiskView,
	planBundle,
	readManifest,
	renderManifest,
	resolveBenchmarkPaths,
	verifyBundle,
	writeBundle,
} from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";
import { bundleText, copyingLine, manifestText, planText, verificationText } from "../output/bundle.ts";
import { colorsFor, json } from "../output/terminal.ts";

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
	const how = { cwd: context.cwd, colors: colorsFor(context.stdout) };
	if (options.dryRun) return { text: options.json ? json(describeBundle(plan)) : planText(plan, how), exitCode: 0 };
	const manifest = await write(plan, context);
	if (archive !== undefined) await archiveBundle(plan.output, archive, { signal: context.signal });
	if (!options.json) return { text: bundleText(plan, manifest, how, archive), exitCode: 0 };
	const document = {
		output: plan.output,
		changed: plan.kind !== "unchanged",
		digest: manifest.digest,
		files: manifest.files.length,
		bytes: manifest.files.reduce((sum, { size }) => sum + size, 0),
		archive: archive ?? null,
		warnings: plan.warnings,
	};
	return { text: json(document), exitCode: 0 };
}

/** @throws AgentvError if `path` matches several evals */
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

export async function bundleInspect(
	directory: string,
	options: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const manifest = readManifest(resolve(context.cwd, directory));
	return { text: options.json ? [...renderManifest(manifest)].join("") : manifestText(manifest), exitCode: 0 };
}

interface VerifyOptions {
	readonly list?: boolean;
	readonly json?: boolean;
}

export async function bundleVerify(
	directory: string,
	options: VerifyOptions,
	context: Context,
): Promise<CommandResult> {
	const root = resolve(context.cwd, directory);
	if (options.list) return { text: listBundle(readManifest(root)), exitCode: 0 };
	const verification = await verifyBundle(root, { signal: context.signal });
	const exitCode = verification.ok ? 0 : 1;
	const { ok, problems, replacedLinks, manifest } = verification;
	const { digest, files } = manifest;
	const text = options.json
		? json({ ok, digest, files: files.length, problems, replaced_links: replacedLinks })
		: verificationText(verification, root, { cwd: context.cwd, colors: colorsFor(context.stdout) });
	return { text, exitCode };
}
