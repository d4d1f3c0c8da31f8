import { AgentvError } from "../../base/agentv-error.ts";
import type { Environment } from "../../io/environment.ts";
import { listDirectory } from "../../io/files/list-directory.ts";
import { targetKind } from "../../io/files/stat-path.ts";
import { throwIfAborted } from "../../io/files/throw-if-aborted.ts";
import { isMadeHere, noteMadeRun } from "../../model/made-runs.ts";
import { checkRunDigest, digestName } from "../../model/run-digest.ts";
import type { RunSummary } from "../../schema/result-row.ts";
import type { RunFile } from "../../schema/run-file.ts";
import { collateRows } from "./collate-rows.ts";
import { findMissing, type Missing } from "./find-missing.ts";
import { inPartOrder, type MergePart, readPart, runIdsOf } from "./merge-part.ts";
import type { MergeProblem } from "./merge-problem.ts";
import { mergedRunFile, mergedSummary } from "./merged-run.ts";
import { planDifferences } from "./plan-differences.ts";
import { isAttemptRecord, writeMerged } from "./write-merged.ts";

/** A run that is to be merged: where it is, and what the user calls it. */
export interface NamedRun {
	/** Absolute. */
	readonly directory: string;
	readonly name: string;
}

/** What came of merging. Nothing was written where there are problems. */
export interface Merge {
	readonly problems: readonly MergeProblem[];
	/** Nothing of it: every planned attempt is there, once. */
	readonly missing: Missing;
	/** Of the merged run; absent where there are problems. */
	readonly summary?: RunSummary;
	/** What is wrong with records of the parts: rows that could not be read, and are missing therefore; files that were changed or are gone. */
	readonly warnings: readonly string[];
	/** The runs in the order of their shards. */
	readonly parts: readonly {
		readonly name: string;
		readonly runId: string;
		readonly shard?: number;
		/** Attempts that it has results of. */
		readonly attempts: number;
	}[];
}

/**
 * Merges shards of a run, and runs of what others left, into an ordinary run directory, and proves it complete: no planned attempt missing,
 * none twice, all of one plan. With gaps it is written all the same, to be completed; what contradicts itself is not.
 * @param output absolute; missing or empty
 * @throws AgentvError `config` for an output that is not empty, `not-found` and `refused` for runs that can't be read
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
	const nothing = { missing: { shards: [], tests: [] }, warnings, parts: parts.map(summaryOf) };
	const unlike = [
		...namedTwice(parts),
		...others.flatMap((other) => planDifferences(first, other)),
		...otherVersions(parts),
	];
	if (unlike.length > 0) return { ...nothing, problems: unlike };
	const { cases, problems } = collateRows(parts);
	if (problems.length > 0) return { ...nothing, problems };
	const summary = mergedSummary(parts, cases);
	const run = mergedRunFile([first, ...others]);
	await noteIfOwn(run, parts, env);
	const damaged = await writeMerged({ run, summary, cases }, output, signal);
	return { ...nothing, warnings: [...warnings, ...damaged], problems, missing: findMissing(parts, cases), summary };
}

/** A run that is merged of the user's own shards is the user's own. */
async function noteIfOwn(run: RunFile, parts: readonly MergePart[], env: Environment): Promise<void> {
	try {
		if (parts.every((part) => isMadeHere(part.run, env))) await noteMadeRun(run, (text) => text, env);
	} catch (error) {
		// The merged run is whole without: what resumes it is then asked as of a received one.
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

/** One run, or one shard, must not count twice. */
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

/** Files that tests of the parts are made of, and that are not the same in all of them. */
function otherVersions(parts: readonly MergePart[]): MergeProblem[] {
	const known = new Map<string, { readonly sha256: string; readonly name: string }>();
	return parts.flatMap(({ run, name }) =>
		(run.files ?? []).flatMap(({ path, sha256, parts: covered }): MergeProblem[] => {
			// Evals and targets are compared by what they mean.
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

/** The merged run gets a digest of its own: what was changed in a part would no longer show. */
function digestWarnings({ directory, name }: MergePart): string[] {
	return checkRunDigest(directory).problems.flatMap(({ kind, file }) => {
		// Of the record of an attempt it is said when it is copied, as for parts without a digest.
		const isMerged = kind !== "file-added" || file.startsWith("tests/");
		if (isAttemptRecord(file) || !isMerged) return [];
		if (kind === "digest-missing") return [`${name} is finished but has no ${file}: changes can't be detected`];
		return [`${name}/${file} ${kind === "file-missing" ? "is missing" : `does not match ${digestName}`}`];
	});
}

function summaryOf({ name, run: { runId, shard }, rows }: MergePart): Merge["parts"][number] {
	return { name, runId, ...(shard?.index === undefined ? {} : { shard: shard.index }), attempts: rows.length };
}
