import { relative } from "node:path";
import {
	type BundleManifest,
	type BundlePlan,
	type BundleProgress,
	describeBundle,
	formatBytes,
	locateFindings,
	newAccessFindings,
	shownSubject,
	type TrustPlan,
	type TrustSubject,
	terminalSafeLine,
} from "@agentv/core";
import type { CommandResult, Output } from "../context.ts";
import { type Colors, colorsFor } from "./terminal.ts";
import { findingsText } from "./validate.ts";

interface How {
	readonly json: boolean;
	readonly cwd: string;
	readonly stdout: Output;
}

/** Reports what was written, as text or JSON. */
export function bundleText(
	plan: BundlePlan,
	manifest: BundleManifest,
	{ json, cwd, stdout }: How,
	archive: string | undefined,
): CommandResult {
	if (json) {
		const result = {
			output: plan.output,
			changed: plan.kind !== "unchanged",
			digest: manifest.digest,
			files: manifest.files.length,
			bytes: manifest.files.reduce((sum, { size }) => sum + size, 0),
			archive: archive ?? null,
			warnings: plan.warnings,
		};
		return { text: `${JSON.stringify(result, null, 2)}\n`, exitCode: 0 };
	}
	const colors = colorsFor(stdout);
	if (plan.kind === "unchanged")
		return {
			text: `${shown(plan.output, cwd)} is already up to date; nothing changed.\ndigest ${manifest.digest}\n`,
			exitCode: 0,
		};
	const lines = [
		...warnings(plan, cwd, colors),
		`${colors.green("✓")} ${shown(plan.output, cwd)}: ${contents(manifest)}${plan.kind === "copy" ? ", copied from a bundle" : ""}`,
		`  digest ${manifest.digest}`,
		...needs(manifest),
		...(archive === undefined ? [] : [`  archive ${shown(archive, cwd)}`]),
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}

/** Reports what would be written, as text or JSON. */
export function planText(plan: BundlePlan, { json, cwd, stdout }: How): CommandResult {
	const described = describeBundle(plan);
	if (json) return { text: `${JSON.stringify(described, null, 2)}\n`, exitCode: 0 };
	const colors = colorsFor(stdout);
	if (plan.kind === "unchanged")
		return { text: `${shown(plan.output, cwd)} is already up to date; nothing would change.\n`, exitCode: 0 };
	const lines = [
		...warnings(plan, cwd, colors),
		`Would write ${shown(plan.output, cwd)}: ${described.files.length + 1} files, ${formatBytes(described.bytes)}${described.replaces ? ", replacing the bundle there" : ""}`,
		...described.files.map(({ path, source }) =>
			terminalSafeLine(`  ${path}${source === null ? "" : `  ← ${source}`}`),
		),
		"  manifest.json",
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}

/** Returns a progress line at most `columns` wide; undefined at the end. */
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

function contents({ files }: BundleManifest): string {
	const bytes = files.reduce((sum, file) => sum + file.size, 0);
	return `${files.length + 1} files, ${formatBytes(bytes)}`;
}

/** Lists what the bundle requires of the machine. */
export function needs({ variables, requires }: BundleManifest): string[] {
	const required = variables.filter((variable) => variable.required).map(({ name }) => name);
	const list = (label: string, names: readonly string[]) =>
		names.length === 0 ? [] : [terminalSafeLine(`  ${label} ${names.join(", ")}`)];
	return [
		...list("needs variables", required),
		...list("needs programs ", requires.executables),
		...list("needs packages ", requires.packages),
	];
}

export function shown(path: string, cwd: string): string {
	const short = relative(cwd, path);
	return terminalSafeLine(short === "" || short.startsWith("..") ? path : short);
}

interface NewThing {
	readonly kind: string;
	readonly name: string;
	/** Absolute. */
	readonly file: string;
	readonly line?: number;
	readonly column?: number;
}

/** Lists what a benchmark or bundle would read and connect to, new items marked. */
export function trustText(plan: TrustPlan, cwd: string): string {
	const who = terminalSafeLine(shownSubject(plan.subject));
	const things = newThings(plan);
	if (things.length === 0) return `${who}: everything it reads and connects to is trusted.\n`;
	const width = Math.max(...things.map(({ name }) => name.length));
	const lines = things.map(({ kind, name, file, line, column }) => {
		const short = relative(cwd, file);
		const place = [short.startsWith("..") ? file : short, line, column].filter((part) => part !== undefined).join(":");
		return terminalSafeLine(`  ${kind.padEnd(9)}${name.padEnd(width)}  ${place}`);
	});
	return `${who} needs your consent to read or connect to:\n${lines.join("\n")}\n`;
}

/** Returns the same as JSON. */
export function trustJson(
	{ kind, name }: TrustSubject,
	{ trusted, plan }: { readonly trusted: boolean; readonly plan?: TrustPlan },
): string {
	const document = { [kind]: name, trusted, ...(plan ? { new: newThings(plan) } : {}) };
	return `${JSON.stringify(document, null, 2)}\n`;
}

function newThings({ found, redact }: TrustPlan): NewThing[] {
	return locateFindings(newAccessFindings(found, redact)).map(({ diagnostic: { data, at }, range }) => ({
		...{ kind: String(data["kind"]), name: String(data["value"]), file: at.file },
		...(range ? { line: range.start.line, column: range.start.column } : {}),
	}));
}
