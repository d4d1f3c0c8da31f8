import {
	type CacheItem,
	type CacheKind,
	cacheKinds,
	type DoctorGroup,
	type DoctorItem,
	doctorGroups,
	formatBytes,
	type KeptItem,
	type PruneResult,
	plural,
	terminalSafeLine,
} from "@agentv/core";
import type { Output } from "../context.ts";
import { wrapWords } from "./fit-text.ts";
import { type Colors, colorsFor, json } from "./terminal.ts";

const titles: Readonly<Record<DoctorGroup, string>> = {
	machine: "This machine",
	home: "AgentV's home and benchmarks",
	evals: "Evals",
	programs: "Programs",
	targets: "Targets",
	variables: "Variables",
	storage: "Storage",
	online: "Online",
};

const maxNameLength = 28;

export function doctorText(items: readonly DoctorItem[], output: Output): string {
	const colors = colorsFor(output);
	const names = items.map(({ name }) => terminalSafeLine(name).length).filter((length) => length <= maxNameLength);
	const width = Math.max(0, ...names);
	const groups = doctorGroups.flatMap((group) => {
		const own = fewNotes(items.filter((item) => item.group === group));
		if (own.length === 0) return [];
		return [colors.bold(titles[group]), ...own.flatMap((item) => itemLines(item, width, output, colors)), ""];
	});
	return [...groups, verdict(items, colors), ""].join("\n");
}

const maxNotes = 4;

function fewNotes(items: readonly DoctorItem[]): readonly DoctorItem[] {
	const notes = items.filter(({ state, group }) => state === "note" && group === "targets");
	if (notes.length <= maxNotes) return items;
	const says = `not used by these evals: ${notes.map(({ name }) => name).join(", ")}`;
	const action = "`agentv doctor --target <name>` checks one of them";
	const others = { group: "targets", name: `${notes.length} more`, state: "note", says, action, neededBy: [] } as const;
	return [...items.filter((item) => !notes.includes(item)), others];
}

function itemLines(item: DoctorItem, width: number, output: Output, colors: Colors): string[] {
	const { name, says, action, state } = item;
	const columns = output.isTTY ? output.columns : Number.POSITIVE_INFINITY;
	const head = `  ${mark(item, colors)} ${terminalSafeLine(name).padEnd(width)}  `;
	const wrap = (text: string, indent: number) => wrapWords(text, Math.max(20, columns - indent)).split("\n");
	const lines = wrap(terminalSafeLine(says), width + 6);
	const next = action === null ? [] : wrap(`→ ${terminalSafeLine(action)}${neededBy(item)}`, 6);
	// A long name gets its own line.
	const first = name.length > width ? [head.trimEnd(), `${" ".repeat(6)}${lines.join("")}`] : [head + (lines[0] ?? "")];
	const rest = name.length > width ? [] : lines.slice(1).map((line) => `${" ".repeat(width + 6)}${line}`);
	const shown = [...first, ...rest];
	return [
		...(state === "note" ? shown.map((line) => colors.dim(line)) : shown),
		...next.map((line) => `      ${state === "note" ? colors.dim(line) : colors.cyan(line)}`),
	];
}

function mark({ state }: DoctorItem, colors: Colors): string {
	if (state === "ok") return colors.green("✓");
	if (state === "note") return "·";
	return state === "warning" ? colors.yellow("⚠") : colors.red("✗");
}

function neededBy({ neededBy: all, state }: DoctorItem): string {
	if (all.length === 0 || state !== "problem") return "";
	const more = all.length > 2 ? ` and ${all.length - 2} more` : "";
	return ` (for ${all.slice(0, 2).map(terminalSafeLine).join(", ")}${more})`;
}

function verdict(items: readonly DoctorItem[], colors: Colors): string {
	const { problems, warnings } = countItems(items);
	if (problems > 0) return colors.red(`${plural(problems, "problem")}, ${plural(warnings, "warning")}.`);
	return warnings > 0
		? colors.yellow(`No problems, ${plural(warnings, "warning")}.`)
		: colors.green("No problems found.");
}

export function countItems(items: readonly DoctorItem[]) {
	const count = (wanted: DoctorItem["state"]) => items.filter(({ state }) => state === wanted).length;
	return { problems: count("problem"), warnings: count("warning") };
}

interface PruneTextOptions {
	readonly dryRun: boolean;
	readonly olderThanMs: number;
	readonly colors: Colors;
}

const names: Readonly<Record<CacheKind, readonly [one: string, many: string]>> = {
	mirror: ["mirror of a repository", "mirrors of repositories"],
	call: ["model answer", "model answers"],
	workspace: ["run's workspaces", "runs' workspaces"],
	temporary: ["temporary directory", "temporary directories"],
};

export function pruneText(result: PruneResult, { dryRun, olderThanMs, colors }: PruneTextOptions): string {
	const { removed, kept, failed } = result;
	const recent = kept.filter(({ reason }) => reason === "recent").map(({ item }) => item);
	const others = kept.filter(({ reason }) => reason !== "recent");
	const lines = [
		...section(dryRun ? "Would remove" : "Removed", counted(removed), colors),
		...section(`Kept (used in the last ${ageText(olderThanMs)})`, counted(recent), colors),
		...section("Left alone", others.map(otherLine), colors),
		...section(
			colors.red("Could not be removed"),
			failed.map(({ item, message }) => `${nameOf(item)}: ${message}`),
			colors,
		),
		removed.length === 0 && failed.length === 0
			? "Nothing to remove."
			: `${dryRun ? "Would free" : "Freed"} ${formatBytes(total(removed))}.`,
	];
	return `${lines.join("\n")}\n`;
}

function section(title: string, lines: readonly string[], colors: Colors): string[] {
	return lines.length === 0 ? [] : [`${colors.bold(title)}:`, ...lines.map((line) => `  ${terminalSafeLine(line)}`)];
}

function counted(items: readonly CacheItem[]): string[] {
	const rows = cacheKinds.flatMap((kind) => {
		const own = items.filter((item) => item.kind === kind);
		if (own.length === 0) return [];
		const left = own.filter(({ state }) => state.is === "left").length;
		const note = left === 0 ? "" : ` (${left === own.length ? "" : `${left} `}left by killed processes)`;
		return [[String(own.length), `${names[kind][own.length === 1 ? 0 : 1]}${note}`, formatBytes(total(own))] as const];
	});
	const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
	return rows.map(([count, name, size]) => `${count.padStart(widths[0] ?? 0)} ${name.padEnd(widths[1] ?? 0)}  ${size}`);
}

function otherLine({ item, reason }: KeptItem): string {
	const { state } = item;
	if (state.is === "foreign") return `${nameOf(item)}: ${state.reason}`;
	const user = state.is === "in-use" && state.pid > 0 ? `process ${state.pid}` : "another process";
	return `${nameOf(item)}: ${reason === "in-use" ? `${user} uses it` : reason}`;
}

function nameOf({ kind, name, path }: CacheItem): string {
	return `${names[kind][0]} ${name ?? path}`;
}

function total(items: readonly CacheItem[]): number {
	return items.reduce((sum, { bytes }) => sum + bytes, 0);
}

function ageText(milliseconds: number): string {
	const hours = milliseconds / 3_600_000;
	if (hours >= 48 && hours % 24 === 0) return `${hours / 24} days`;
	return hours >= 1 && Number.isInteger(hours) ? `${hours} hours` : `${Math.round(hours * 60)} minutes`;
}

/** Follows docs/schemas/cache-output.schema.json. */
export function pruneJson({ removed, kept, failed }: PruneResult, dryRun: boolean): string {
	return json({
		dry_run: dryRun,
		freed_bytes: total(removed),
		removed: removed.map(itemJson),
		kept: kept.map(({ item, reason }) => ({ ...itemJson(item), reason })),
		failed: failed.map(({ item, message }) => ({ ...itemJson(item), message })),
	});
}

function itemJson({ kind, path, name, bytes, usedAt, state }: CacheItem) {
	return {
		kind,
		path,
		name: name ?? null,
		bytes,
		// Unknown for what killed processes left unfinished.
		used_at: usedAt === 0 ? null : new Date(usedAt).toISOString(),
		left_behind: state.is === "left",
		pid: state.is === "in-use" && state.pid > 0 ? state.pid : null,
	};
}
