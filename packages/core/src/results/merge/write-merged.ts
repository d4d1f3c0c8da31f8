import { dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { copyPreparedTree, type PreparedTree, prepareTree } from "../../io/files/copy-tree.ts";
import { digestFile } from "../../io/files/digest-tree.ts";
import { makeDirectory } from "../../io/files/make-directory.ts";
import { missingParent } from "../../io/files/missing-parent.ts";
import { moveIntoPlace } from "../../io/files/move-into-place.ts";
import { removeTree } from "../../io/files/remove-tree.ts";
import { besideName, sweepStaged } from "../../io/files/staged-files.ts";
import { pathKind } from "../../io/files/stat-path.ts";
import { throwIfAborted } from "../../io/files/throw-if-aborted.ts";
import { writeAtomic } from "../../io/files/write-atomic.ts";
import { writeNewFile } from "../../io/files/write-new.ts";
import { writeTextPieces } from "../../io/files/write-text-pieces.ts";
import { syncRecord, writeRunDigest } from "../../model/run-digest.ts";
import { runFileText } from "../../model/run-file-text.ts";
import { type RunSummary, toWireSummary } from "../../schema/result-row.ts";
import type { RunFile } from "../../schema/run-file.ts";
import type { MergedCase, PartRow } from "./collate-rows.ts";
import type { MergePart } from "./merge-part.ts";

export interface MergedRun {
	readonly run: RunFile;
	readonly summary: RunSummary;
	readonly cases: readonly MergedCase[];
}

/**
 * Writes a run's directory beside `output` (absolute; missing or empty) and renames it into place. Whatever fails, nothing half-made is left.
 * Answers which records of tests are damaged: they are merged as they are.
 * @throws AgentvError `refused` for records that are links, or that lie where none of ours do
 */
export async function writeMerged(merged: MergedRun, output: string, signal: AbortSignal): Promise<readonly string[]> {
	const parent = missingParent(dirname(output));
	makeDirectory(dirname(output));
	await sweepStaged(dirname(output));
	const staging = besideName(output);
	let isPlaced = false;
	try {
		makeDirectory(join(staging, "tests"));
		writeNewFile(join(staging, ".gitignore"), "*\n");
		const rows = merged.cases.flatMap((one) => one.rows);
		for (const part of new Set(rows.map((row) => row.part))) {
			const own = rows.filter((row) => row.part === part);
			await copyPreparedTree(recordsOf(part, own), staging, { signal });
		}
		writeTextPieces(join(staging, "index.jsonl"), lines(rows));
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

/** What is wrong with the copy of a test's record, in a sentence. */
function damageOf({ row, part }: PartRow, staging: string): string[] {
	if (row.file === undefined) return [];
	const copy = join(staging, row.file);
	if (pathKind(copy) === "missing") return [`${part.name}/${row.file} is missing`];
	if (row.fileSha256 === undefined || row.fileSha256 === digestFile(copy)) return [];
	return [`${part.name}/${row.file} was modified after the run`];
}

/** Whether a path in a run's directory is that of an attempt's own file. */
export function isAttemptRecord(path: string): boolean {
	return ownRecord.test(path);
}

const ownRecord = /^tests\/([a-z0-9-]+)\/(\d+)\.json$/;

/** The files of a part that belong to its rows. They may be read-only where they are; the merged ones are ordinary files. */
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
