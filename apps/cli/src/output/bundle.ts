import {
	type BundleManifest,
	type BundlePlan,
	type BundleProgress,
	type BundleVerification,
	describeBundle,
	formatBytes,
	locateFindings,
	newAccessFindings,
	shownSubject,
	type TrustPlan,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import type { Colors } from "./terminal.ts";
import { findingsText, shownPath } from "./validate.ts";

interface How {
	readonly cwd: string;
	readonly colors: Colors;
}

export function bundleText(plan: BundlePlan, manifest: BundleManifest, { cwd, colors }: How, archive?: string): string {
	const output = shown(plan.output, cwd);
	if (plan.kind === "unchanged")
		return `${output} is already up to date; nothing changed.\ndigest ${manifest.digest}\n`;
	const bytes = formatBytes(manifest.files.reduce((sum, file) => sum + file.size, 0));
	const copied = plan.kind === "copy" ? ", copied from a bundle" : "";
	const lines = [
		...warnings(plan, cwd, colors),
		`${colors.green("✓")} ${output}: ${manifest.files.length + 1} files, ${bytes}${copied}`,
		`  digest ${manifest.digest}`,
		...needs(manifest),
		...(archive === undefined ? [] : [`  archive ${shown(archive, cwd)}`]),
	];
	return `${lines.join("\n")}\n`;
}

export function planText(plan: BundlePlan, { cwd, colors }: How): string {
	const output = shown(plan.output, cwd);
	if (plan.kind === "unchanged") return `${output} is already up to date; nothing would change.\n`;
	const { files, bytes, replaces } = describeBundle(plan);
	const replaced = replaces ? ", replacing the bundle there" : "";
	const lines = [
		...warnings(plan, cwd, colors),
		`Would write ${output}: ${files.length + 1} files, ${formatBytes(bytes)}${replaced}`,
		...files.map(({ path, source }) => terminalSafeLine(`  ${path}${source === null ? "" : `  ← ${source}`}`)),
		"  manifest.json",
	];
	return `${lines.join("\n")}\n`;
}

/** Returns a line at most `columns` wide; undefined at the end. */
export function copyingLine(progress: BundleProgress, columns: number): string | undefined {
	if (progress.type === "vendoring") return terminalSafeLine(`fetching ${progress.repository}`).slice(0, columns - 1);
	if (progress.type === "checking") return "checking the bundle";
	if (progress.type === "done") return undefined;
	const { files, totalFiles, bytes, totalBytes } = progress;
	const share = totalBytes === 0 ? files / totalFiles : bytes / totalBytes;
	const counts = ` ${files}/${totalFiles} files, ${formatBytes(bytes)}`;
	const width = Math.max(0, Math.min(30, columns - counts.length - 3));
	const done = Math.round(width * share);
	return `[${"=".repeat(done)}${" ".repeat(width - done)}]${counts}`;
}

function warnings(plan: BundlePlan, cwd: string, colors: Colors): string[] {
	return plan.warnings.length === 0 ? [] : [...findingsText(plan.warnings, cwd, colors), ""];
}

function needs({ variables, requires }: BundleManifest): string[] {
	const required = variables.filter((variable) => variable.required).map(({ name }) => name);
	const list = (label: string, names: readonly string[]) =>
		names.length === 0 ? [] : [terminalSafeLine(`  ${label} ${names.join(", ")}`)];
	return [
		...list("needs variables", required),
		...list("needs programs ", requires.executables),
		...list("needs packages ", requires.packages),
	];
}

function shown(path: string, cwd: string): string {
	return terminalSafeLine(shownPath(path, cwd));
}

export function manifestText(manifest: BundleManifest): string {
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
	const lines = rows.filter(([, value]) => value !== "").map(([name, value]) => `${name.padEnd(13)}${value}\n`);
	return terminalSafe(lines.join(""));
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

export function verificationText(
	{ ok, manifest, problems, replacedLinks }: BundleVerification,
	directory: string,
	{ cwd, colors }: How,
): string {
	const name = shown(directory, cwd);
	const links = replacedLinks.map((path) =>
		terminalSafeLine(
			`  ${path} was a link and is now a copy with the same contents (extracted from an archive without links?)`,
		),
	);
	if (ok) {
		const files = `${manifest.files.length} files match the manifest`;
		return `${[`${colors.green("✓")} ${name}: ${files}`, ...links, `  digest ${manifest.digest}`].join("\n")}\n`;
	}
	const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
	const lines = [
		`${colors.red("✗")} ${name} does not match its manifest: ${count}`,
		...problems.map(({ path, message }) => terminalSafeLine(`  ${path} ${message}`)),
		...links,
	];
	return `${lines.join("\n")}\n`;
}

export function trustText(plan: TrustPlan, cwd: string): string {
	const who = terminalSafeLine(shownSubject(plan.subject));
	const things = newThings(plan);
	if (things.length === 0) return `${who}: everything it reads and connects to is trusted.\n`;
	const width = Math.max(...things.map(({ name }) => name.length));
	const lines = things.map(({ kind, name, file, line, column }) => {
		const place = [shownPath(file, cwd), line, column].filter((part) => part !== undefined).join(":");
		return terminalSafeLine(`  ${kind.padEnd(9)}${name.padEnd(width)}  ${place}`);
	});
	return `${who} needs your consent to read or connect to:\n${lines.join("\n")}\n`;
}

export function newThings({ found, redact }: TrustPlan) {
	return locateFindings(newAccessFindings(found, redact)).map(({ diagnostic: { data, at }, range }) => ({
		kind: String(data["kind"]),
		name: String(data["value"]),
		file: at.file,
		line: range?.start.line,
		column: range?.start.column,
	}));
}
