import { resolve } from "node:path";
import {
	AgentvError,
	archiveBundle,
	type BundleManifest,
	type BundlePlan,
	type BundleVerification,
	type DiskView,
	formatBytes,
	judgeArchive,
	listBundle,
	openDiskView,
	planBundle,
	readManifest,
	renderManifest,
	resolveBenchmarkPaths,
	terminalSafe,
	terminalSafeLine,
	verifyBundle,
	writeBundle,
} from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";
import { bundleText, copyingLine, planText, shown } from "../output/bundle.ts";
import { type Colors, colorsFor } from "../output/terminal.ts";

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

export async function bundleInspect(
	directory: string,
	options: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const manifest = readManifest(resolve(context.cwd, directory));
	const text = options.json ? [...renderManifest(manifest)].join("") : `${describe(manifest).join("\n")}\n`;
	return { text: options.json ? text : terminalSafe(text), exitCode: 0 };
}

function describe(manifest: BundleManifest): string[] {
	const { source, requires, digest, files } = manifest;
	const commit =
		source.commit === null ? "" : ` at ${source.commit.slice(0, 12)}${source.dirty ? " with local changes" : ""}`;
	const rows: [string, string][] = [
		["eval", source.eval],
		["source", `${source.remote ?? "no remote"}${source.branch === null ? "" : `, branch ${source.branch}`}${commit}`],
		["made", `${manifest.createdAt} by agentv ${manifest.agentvVersion}`],
		["flags", manifest.flags.join(" ")],
		["digest", digest],
		["files", `${files.length}, ${formatBytes(files.reduce((sum, file) => sum + file.size, 0))}`],
		["targets", manifest.targets.map(target).join("; ")],
		["variables", manifest.variables.map(variable).join(", ")],
		["repositories", manifest.repos.map(repository).join("; ")],
		["programs", requires.executables.join(", ")],
		["packages", requires.packages.join(", ")],
	];
	if (source.benchmark !== null)
		rows.splice(2, 0, [
			"benchmark",
			`${source.benchmark.id}${source.benchmark.revision === null ? "" : ` at ${source.benchmark.revision.slice(0, 12)}`}`,
		]);
	return rows.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(13)}${value}`);
}

function target({ name, via }: BundleManifest["targets"][number]): string {
	const way = via.slice(1).map((hop, index) => {
		const by = via[index]?.chosenBy ?? [];
		return `→ ${hop.name}${by.length === 0 ? "" : ` (chosen by ${by.join(", ")})`}`;
	});
	return [name, ...way].join(" ");
}

function variable({ name, required, captured }: BundleManifest["variables"][number]): string {
	return `${name}${required ? " (required)" : captured ? " (captured)" : ""}`;
}

function repository({ path, repo, requested, sha, vendored }: BundleManifest["repos"][number]): string {
	const commit = sha === null ? `${requested ?? "default branch"}, not pinned` : sha.slice(0, 12);
	return `${path || "."} from ${repo} at ${commit}${vendored === null ? "" : `, in ${vendored}`}`;
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
	if (options.json) {
		const { ok, problems, replacedLinks, manifest } = verification;
		const result = {
			ok,
			digest: manifest.digest,
			files: manifest.files.length,
			problems,
			replaced_links: replacedLinks,
		};
		return { text: `${JSON.stringify(result, null, 2)}\n`, exitCode };
	}
	return {
		text: `${forPeople(verification, shown(root, context.cwd), colorsFor(context.stdout)).join("\n")}\n`,
		exitCode,
	};
}

function forPeople(
	{ ok, manifest, problems, replacedLinks }: BundleVerification,
	name: string,
	colors: Colors,
): string[] {
	const links = replacedLinks.map((path) =>
		terminalSafeLine(
			`  ${path} was a link and is now a copy with the same contents (extracted from an archive without links?)`,
		),
	);
	if (ok) {
		const files = `${manifest.files.length} files match the manifest`;
		return [`${colors.green("✓")} ${name}: ${files}`, ...links, `  digest ${manifest.digest}`];
	}
	const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
	return [
		`${colors.red("✗")} ${name} does not match its manifest: ${count}`,
		...problems.map(({ path, message }) => terminalSafeLine(`  ${path} ${message}`)),
		...links,
	];
}
