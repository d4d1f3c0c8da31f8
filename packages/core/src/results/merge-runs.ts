import { dirname, join } from "node:path";
import {
	caseKey,
	checkRunDigest,
	digestName,
	isMadeHere,
	noteMadeRun,
	runFileText,
	syncRecord,
	writeRunDigest,
} from "../eval/run-digest.ts";
import { type CoveredFile, type RunFile, type RunSummary, toWireSummary } from "../format/run-file.ts";
import { caseOutcomes, tallyOf } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { copyPreparedTree, type PreparedTree, prepareTree } from "../machine/copy-tree.ts";
import { besideName, listDirectory, makeDirectory, sweepStaged } from "../machine/directories.ts";
import { type Environment, missingParent } from "../machine/environment.ts";
import { pathKind, removeTree, targetKind, throwIfAborted } from "../machine/files.ts";
import { digestFile, digestText } from "../machine/tree-notes.ts";
import { moveIntoPlace, writeAtomic, writeNewFile } from "../machine/write-file.ts";
import {
	collateRows,
	findMissing,
	inPartOrder,
	type MergedCase,
	type MergePart,
	type MergeProblem,
	type Missing,
	type PartRow,
	planDifferences,
	readPart,
	runIdsOf,
} from "./merge-checks.ts";

interface NamedRun {
	/** Absolute. */
	readonly directory: string;
	readonly name: string;
}

/** The output is not written if there are problems. */
export interface Merge {
	readonly problems: readonly MergeProblem[];
	/** Empty if every planned attempt has exactly one result. */
	readonly missing: Missing;
	readonly summary?: RunSummary;
	/** Reports invalid rows, whose attempts count as missing, and changed or missing files. */
	readonly warnings: readonly string[];
	/** In the order of their shards. */
	readonly runs: readonly {
		readonly run: string;
		readonly runId: string;
		readonly attempts: number;
		readonly shard?: number | undefined;
	}[];
}

/**
 * Merges shards and follow-up runs into an ordinary run directory, and verifies that no planned
 * attempt is missing or duplicated. Writes an incomplete run, but not a contradictory one.
 * @param output absolute; missing or empty
 * @throws AgentvError `config` for an output that is not empty, `not-found` and `refused` for
 * unreadable runs
 */
export async function mergeRuns(
	runs: readonly NamedRun[],
	output: string,
	{ signal, env }: { readonly signal: AbortSignal; readonly env: Environment },
): Promise<Merge> {
	refuseFilled(output);
	const parts = inPartOrder(runs.map(({ directory, name }) => readPart(directory, name)));
	throwIfAborted(signal, "merging");
	const [first, ...others] = parts;
	if (!first) throw new AgentvError("usage", "no run to merge");
	const warnings = warningsOf(parts);
	const nothing = { missing: { shards: [], tests: [] }, warnings, runs: parts.map(summaryOf) };
	const unlike = [
		...namedTwice(parts),
		...others.flatMap((part) => planDifferences(first, part)),
		...otherVersions(parts),
	];
	if (unlike.length > 0) return { ...nothing, problems: unlike };
	const { cases, problems } = collateRows(parts);
	if (problems.length > 0) return { ...nothing, problems };
	const run = mergedRunFile([first, ...others]);
	const summary = mergedSummary(parts, run, cases);
	await noteIfOwn(run, parts, env);
	const damaged = await writeMerged({ run, summary, cases }, output, signal);
	return { ...nothing, warnings: [...warnings, ...damaged], problems, missing: findMissing(parts, cases), summary };
}

/** Merging the user's own shards makes the user's own run. */
async function noteIfOwn(run: RunFile, parts: readonly MergePart[], env: Environment): Promise<void> {
	try {
		if (parts.every((part) => isMadeHere(part.run, env))) await noteMadeRun(run, (text) => text, env);
	} catch (error) {
		// Not required: without it, resuming the merged run needs consent like a received one.
		if (!(error instanceof AgentvError)) throw error;
	}
}

function refuseFilled(output: string): void {
	const kind = targetKind(output);
	if (kind === "missing" || (kind === "directory" && listDirectory(output).length === 0)) return;
	throw new AgentvError("config", `${output} ${kind === "directory" ? "is not empty" : "is not a directory"}`, {
		hint: "Choose a new or empty directory.",
	});
}

function namedTwice(parts: readonly MergePart[]): MergeProblem[] {
	const problems: MergeProblem[] = [];
	const byId = new Map<string, MergePart>();
	const byShard = new Map<number, MergePart>();
	for (const part of parts) {
		const same = runIdsOf(part).flatMap((id) => byId.get(id) ?? [])[0];
		for (const id of runIdsOf(part)) byId.set(id, byId.get(id) ?? part);
		const { index, count = 1 } = part.run.shard ?? {};
		const twin = index === undefined ? undefined : byShard.get(index);
		if (same) problems.push({ kind: "same-run", runs: [same.name, part.name] });
		else if (twin && index !== undefined)
			problems.push({ kind: "same-shard", index, count, runs: [twin.name, part.name] });
		if (index !== undefined) byShard.set(index, twin ?? part);
	}
	return problems;
}

function otherVersions(parts: readonly MergePart[]): MergeProblem[] {
	const known = new Map<string, { readonly sha256: string; readonly name: string }>();
	return parts.flatMap(({ run, name }) =>
		(run.files ?? []).flatMap(({ path, sha256, parts: covered }): MergeProblem[] => {
			// Evals and targets are compared by meaning.
			if (covered.every((part) => part === "eval" || part === "targets")) return [];
			const before = known.get(path) ?? { sha256, name };
			known.set(path, before);
			return before.sha256 === sha256 ? [] : [{ kind: "file", path, runs: [before.name, name] }];
		}),
	);
}

function warningsOf(parts: readonly MergePart[]): string[] {
	return parts.flatMap((part) => [
		...part.badLines.map((line) => `${part.name}/index.jsonl:${line} is not a valid row and is skipped`),
		...(part.isFinished ? digestWarnings(part) : []),
	]);
}

/** Checked here, because the merged run's own digest would hide changes in a part. */
function digestWarnings({ directory, name }: MergePart): string[] {
	return checkRunDigest(directory).problems.flatMap(({ kind, file }) => {
		// Records of attempts are checked when they are copied, as for parts without a digest.
		const isMerged = kind !== "file-added" || file.startsWith("tests/");
		if (isAttemptRecord(file) || !isMerged) return [];
		if (kind === "digest-missing") return [`${name} is finished but has no ${file}: changes can't be detected`];
		return [`${name}/${file} ${kind === "file-missing" ? "is missing" : `does not match ${digestName}`}`];
	});
}

function summaryOf({ name, run: { runId, shard }, rows }: MergePart): Merge["runs"][number] {
	return { run: name, runId, attempts: rows.length, shard: shard?.index };
}

/** Returns the same `run.json` whenever and wherever the parts are merged. */
function mergedRunFile(parts: readonly [MergePart, ...MergePart[]]): RunFile {
	const [{ run: first, whole }] = parts;
	const runs = parts.map(({ run }) => run);
	const startedAt = runs.map((run) => run.startedAt).sort()[0] ?? first.startedAt;
	const ids = runs.map(({ runId }) => runId).sort();
	const withFacts = runs.flatMap(({ targets }) => targets.filter(({ facts }) => facts !== undefined));
	const repositories = unique(runs.flatMap((run) => run.repositories ?? []));
	const { shard: _shard, onlyMissing: _base, ...flags } = first.flags;
	const { opaque: _opaque, ...rest } = first;
	return {
		...rest,
		runId: `${startedAt.replace(/[-:]|\.\d+/g, "")}-${digestText(ids.join("\n")).slice(0, 6)}`,
		startedAt,
		// A shard without tests for a target has no facts about it.
		targets: first.targets.map((target) => withFacts.find(({ name }) => name === target.name) ?? target),
		git: first.git && { ...first.git, dirty: runs.some(({ git }) => git?.dirty === true) },
		flags,
		planned: [...whole],
		whole: undefined,
		shard: first.shard && { ...first.shard, index: undefined },
		merged: parts.flatMap(mergedFrom),
		repositories: repositories.length > 0 ? repositories : undefined,
		...mergedCoverage(parts),
	};
}

function unique<Item>(items: readonly Item[]): Item[] {
	return [...new Map(items.map((item) => [canonicalJson(item), item])).values()];
}

function mergedCoverage(
	parts: readonly [MergePart, ...MergePart[]],
): Pick<RunFile, "files" | "opaque" | "fingerprints"> {
	const runs = parts.map(({ run }) => run);
	if (runs.some(({ files, fingerprints }) => !files || !fingerprints))
		return { files: undefined, opaque: undefined, fingerprints: undefined };
	const files = new Map<string, CoveredFile>();
	for (const file of runs.flatMap((run) => run.files ?? [])) {
		const covered = new Set([...(files.get(file.path)?.parts ?? []), ...file.parts]);
		files.set(file.path, { ...file, parts: [...covered].sort() });
	}
	const prints = new Map(
		runs.flatMap((run) =>
			run.planned.map(([of, id, target], position) => {
				const key = caseKey(run.evals[of]?.file ?? "", id, target);
				return [key, run.fingerprints?.[position] ?? ""] as const;
			}),
		),
	);
	const [{ run: first, whole }] = parts;
	return {
		files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
		opaque: unique(runs.flatMap((run) => run.opaque ?? [])),
		// The fingerprints of a missing shard are unknown.
		fingerprints: whole.map(([of, id, target]) => prints.get(caseKey(first.evals[of]?.file ?? "", id, target)) ?? ""),
	};
}

function mergedFrom({ run }: MergePart): NonNullable<RunFile["merged"]> {
	const { runId, startedAt, shard } = run;
	return run.merged ?? [{ runId, startedAt, shard: shard?.index }];
}

function mergedSummary(parts: readonly MergePart[], run: RunFile, cases: readonly MergedCase[]): RunSummary {
	const rows = cases.flatMap((merged) => merged.rows.map(({ row }) => row));
	const durationMs = Math.round(parts.reduce((sum, part) => sum + part.durationMs, 0));
	return tallyOf(caseOutcomes(rows, run), run).summary(durationMs);
}

interface MergedRun {
	readonly run: RunFile;
	readonly summary: RunSummary;
	readonly cases: readonly MergedCase[];
}

/**
 * Writes next to `output` and renames, so that no partial run remains after a failure.
 * @returns which test records are damaged; they are merged unchanged
 * @throws AgentvError `refused` for records that are links, or at an unexpected path
 */
async function writeMerged(merged: MergedRun, output: string, signal: AbortSignal): Promise<readonly string[]> {
	const parent = missingParent(dirname(output));
	makeDirectory(dirname(output));
	await sweepStaged(dirname(output));
	const staging = besideName(output);
	let isPlaced = false;
	try {
		makeDirectory(join(staging, "tests"));
		writeNewFile(join(staging, ".gitignore"), "*\n");
		const rows = merged.cases.flatMap((test) => test.rows);
		for (const part of new Set(rows.map((row) => row.part))) {
			const own = rows.filter((row) => row.part === part);
			await copyPreparedTree(recordsOf(part, own), staging, { signal });
		}
		writeNewFile(join(staging, "index.jsonl"), lines(rows));
		writeNewFile(
			join(staging, "run.json"),
			runFileText(merged.run, (text) => text),
		);
		await syncRecord(staging);
		writeAtomic(join(staging, "summary.json"), `${JSON.stringify(toWireSummary(merged.summary), null, 2)}\n`);
		writeRunDigest(staging);
		const damaged = rows.flatMap((row) => damageOf(row, staging));
		throwIfAborted(signal, "merging");
		isPlaced = moveIntoPlace(staging, output);
		if (!isPlaced)
			throw new AgentvError("config", `${output} can't be replaced`, { hint: "Choose a directory below it." });
		return damaged;
	} finally {
		if (!isPlaced) {
			await removeTree(staging);
			if (parent !== undefined) await removeTree(parent);
		}
	}
}

function* lines(rows: readonly PartRow[]): Generator<string> {
	for (const { text } of rows) yield `${text}\n`;
}

function damageOf({ row, part }: PartRow, staging: string): string[] {
	if (row.file === undefined) return [];
	const copy = join(staging, row.file);
	if (pathKind(copy) === "missing") return [`${part.name}/${row.file} is missing`];
	if (row.fileSha256 === undefined || row.fileSha256 === digestFile(copy)) return [];
	return [`${part.name}/${row.file} was modified after the run`];
}

function isAttemptRecord(path: string): boolean {
	return ownRecord.test(path);
}

const ownRecord = /^tests\/([a-z0-9-]+)\/(\d+)\.json$/;

/** The parts' files may be read-only; the merged ones are ordinary files. */
function recordsOf(part: MergePart, rows: readonly PartRow[]): PreparedTree {
	const wanted = new Map<string, Set<string>>();
	for (const { row } of rows) {
		if (row.file === undefined) continue;
		const [, folder, attempt] = ownRecord.exec(row.file) ?? [];
		if (folder === undefined || attempt === undefined)
			throw new AgentvError(
				"refused",
				`${part.name}: ${JSON.stringify(row.file)} is not a valid path for a test's record`,
			);
		wanted.set(folder, (wanted.get(folder) ?? new Set()).add(attempt));
	}
	const { root, entries } = prepareTree(part.directory, {
		filter: (path, kind) => {
			const [top, folder, file, ...deeper] = path.split("/");
			const attempts = folder === undefined ? undefined : wanted.get(folder);
			if (top !== "tests" || deeper.length > 0 || (folder !== undefined && !attempts)) return false;
			const isWanted = file === undefined || attempts?.has(file.slice(0, file.indexOf("."))) === true;
			if (isWanted && kind === "link") throw new AgentvError("refused", `${join(part.name, path)} is a link`);
			return isWanted;
		},
	});
	return { root, entries: entries.map((entry) => ({ ...entry, mode: entry.kind === "directory" ? 0o755 : 0o644 })) };
}
