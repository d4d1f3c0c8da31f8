import {
	type CacheItem,
	type CacheKind,
	cacheKinds,
	formatBytes,
	type KeptItem,
	type PruneResult,
	terminalSafeLine,
} from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "./terminal.ts";

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

/** Counts removed and kept entries by kind; names those in use and those that could not be removed. */
export function pruneText(result: PruneResult, { dryRun, olderThanMs, colors }: PruneTextOptions): CommandResult {
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
	return { text: `${lines.join("\n")}\n`, exitCode: failed.length > 0 ? 1 : 0 };
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

/** Schema: docs/schemas/cache-output.schema.json. */
export function pruneJson({ removed, kept, failed }: PruneResult, dryRun: boolean): CommandResult {
	const document = {
		dry_run: dryRun,
		freed_bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
		removed: removed.map(itemJson),
		kept: kept.map(({ item, reason }) => ({ ...itemJson(item), reason })),
		failed: failed.map(({ item, message }) => ({ ...itemJson(item), message })),
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: failed.length > 0 ? 1 : 0 };
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
