import { join } from "node:path";
import { parseRow, readRunFile, readSummary, wholeLines } from "../eval/discover-evals.ts";
import { caseKey, checkRunDigest, type DigestCheck, recordPath, signatureName } from "../eval/run-digest.ts";
import { toWireKey } from "../format/codec.ts";
import {
	type AttemptFile,
	type ExecutionStatus,
	graderStage,
	type ResultRow,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { checkAttemptRecord, sameOrNoScore } from "../grading/attempt-record.ts";
import { sameScore } from "../grading/contract.ts";
import type { Regraded } from "../grading/grade-answer.ts";
import { caseOutcomes, missingAttempts, type TalliedRow, tallyOf, testsNotRun } from "../grading/outcomes.ts";
import { canonicalJson, readJson } from "../lib/json.ts";
import { listDirectory } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, throwIfAborted } from "../machine/files.ts";
import { type MadeOf, MixedVersions, type VersionUse } from "./mixed-versions.ts";
import { type AttemptId, attemptOf } from "./read-run.ts";
import { regradeAttempt } from "./regrade-attempt.ts";
import { checkSignature, checkSignatureForm, type SignatureDemand, type UncheckedSignature } from "./sign-run.ts";

/** A recorded value, and the expected one; without an attempt for the run as a whole. */
export interface Difference extends Partial<AttemptId> {
	readonly kind: DifferenceKind;
	/** Relative to the run's directory. */
	readonly file?: string;
	/** 1-based line of `index.jsonl`. */
	readonly line?: number;
	/** Name of the grader; for a part of a composite after those of its composites. */
	readonly grader?: string;
	/** Which value, spelled as in the records. */
	readonly field?: string;
	readonly recorded?: unknown;
	readonly recomputed?: unknown;
	/** A file as in `run.json`, a repository, or a part of a fingerprint. */
	readonly of?: string;
	readonly versions?: readonly VersionUse[];
	/** A sentence without a full stop. */
	readonly reason?: string;
}

export type DifferenceKind =
	/** An invalid line of the index. */
	| "row-unreadable"
	/** The index ends in the middle of a row. */
	| "row-cut-off"
	/** A graded attempt has a second row. */
	| "row-duplicated"
	/** A row of a test, target or attempt that was not planned. */
	| "row-unplanned"
	/** A test without all its rows in a run whose summary counts it. */
	| "row-missing"
	| "file-missing"
	| "file-unreadable"
	/** The file differs from the recorded one. */
	| "file-changed"
	/** A file, or an empty directory, that is not part of the record. */
	| "file-added"
	/** A link, special file, or executable. */
	| "file-kind"
	/** There is no digest: of the run, or in a row. */
	| "digest-missing"
	/** The file with the run's digest is unreadable, or not in AgentV's format. */
	| "digest-unreadable"
	/** It does not match this digest; or a required one is missing or not allowed. */
	| "signature"
	/** An attempt's file without a row. */
	| "file-without-row"
	/** The row differs from the attempt's file. */
	| "fact"
	/** A grader's recorded result differs from grading the recorded answer again. */
	| "grader"
	/** Attempts have different versions of an input, or another than `run.json`. */
	| "mixed-versions"
	/** An attempt's score or status does not follow from its graders. */
	| "attempt"
	| "summary-missing"
	| "summary-unreadable"
	/** A figure of the summary does not follow from the rows. */
	| "summary";

/** Graders whose recorded scores were kept. */
export interface NotReExecuted {
	readonly type: string;
	/** It uses a program or model; secrets were redacted from its input; it timed out now. */
	readonly reason: "not-reproducible" | "masked" | "timeout";
	readonly graders: number;
}

export interface RunVerification {
	/** Absolute. */
	readonly directory: string;
	readonly runId: string;
	/** SHA-256 of `run.sha256`, which covers every file of the run; absent if there is none. */
	readonly digest?: string;
	/** Who signed the digest, if requested. */
	readonly signedBy?: string;
	/** What is known of the signature, if not requested. */
	readonly signature?: UncheckedSignature;
	/** Tests × targets. */
	readonly planned: number;
	/** Those with all attempts. */
	readonly finished: number;
	readonly attempts: number;
	/** Number of graders that ran again. */
	readonly reExecuted: number;
	readonly notReExecuted: readonly NotReExecuted[];
	/** Empty if everything agrees. */
	readonly differences: readonly Difference[];
}

interface AttemptVerification {
	readonly differences: readonly Difference[];
	readonly graders: readonly Regraded[];
	/** As recomputed; as recorded if that is not possible. */
	readonly score: number;
	readonly executionStatus: ExecutionStatus;
	/** Versions of its inputs; absent if the file is unreadable. */
	readonly made?: MadeOf;
}

/** Compares an attempt's row with its file, and both with grading the recorded answer again. */
async function verifyAttempt(directory: string, row: ResultRow): Promise<AttemptVerification> {
	const differences: Difference[] = [];
	const differs = ({ kind, ...found }: Difference) => differences.push({ kind, ...attemptOf(row), ...found });
	const recorded = { differences, graders: [], score: row.score, executionStatus: row.executionStatus };
	const { file, problems } = checkAttemptRecord(directory, row);
	for (const found of problems) differs(found);
	if (!file) return recorded;
	const regraded = await regradeRow(directory, row, file);
	const made = { files: file.files, repositories: file.repositories };
	if (!regraded) {
		differs({ kind: "file-unreadable", ...(row.file === undefined ? {} : { file: row.file }), field: "assertions" });
		return { ...recorded, made };
	}
	for (const one of regraded.graders) for (const found of graderDifferences(one)) differs(found);
	const { graders, score, status, expectedScores } = regraded;
	if (expectedScores !== undefined)
		differs({ kind: "grader", field: "scores", recorded: file.scores.length, recomputed: expectedScores });
	if (score !== undefined && !sameScore(round(score), row.score))
		differs({ kind: "attempt", field: "score", recorded: row.score, recomputed: round(score) });
	if (status !== undefined && status !== row.executionStatus)
		differs({ kind: "attempt", field: "execution_status", recorded: row.executionStatus, recomputed: status });
	return {
		...{ differences, graders, made },
		score: score === undefined ? row.score : round(score),
		executionStatus: status ?? row.executionStatus,
	};
}

/** Rows have scores with nine places. */
function round(score: number): number {
	return Math.round(score * 1e9) / 1e9;
}

async function regradeRow(directory: string, row: ResultRow, file: AttemptFile) {
	if (file.error === undefined || file.error.stage === graderStage)
		return regradeAttempt(file, (path) => recordPath(directory, path));
	// An attempt without a complete answer, or one skipped because of another test, has no score to
	// recompute.
	const status = file.error.stage === "dependency" ? row.executionStatus : "execution_error";
	return { graders: [], score: 0, status, expectedScores: undefined } as const;
}

/** Finds recorded results that differ from grading again, or from another grader. */
function* graderDifferences({ path, type, recorded, now }: Regraded): Generator<Difference> {
	const grader = path.join(" › ");
	const differs = (field: string, was: unknown, is: unknown): Difference => ({
		...{ kind: "grader", grader, field, recorded: was, recomputed: is },
	});
	if (!recorded) yield differs("score", undefined, now?.score);
	else if (now) {
		if (!sameOrNoScore(now.score, recorded.score)) yield differs("score", recorded.score, now.score);
		// The verdict follows from the score.
		else if (now.verdict !== recorded.verdict) yield differs("verdict", recorded.verdict, now.verdict);
		for (const field of ["weight", "required", "name"] as const)
			if (now[field] !== recorded[field]) yield differs(field, recorded[field], now[field]);
		if (type !== recorded.type) yield differs("type", recorded.type, type);
	}
}

export interface VerifyOptions {
	readonly signal?: AbortSignal | undefined;
	/** Requires a signature of the run's digest. */
	readonly signature?: SignatureDemand | undefined;
	/** The environment of `ssh-keygen`, if no signature is required. */
	readonly env?: Environment;
}

/**
 * Compares every file of a run with its digest, grades the recorded answers again if their records
 * suffice, adds everything up again, and reports differences. Runs only `ssh-keygen`, if the run is
 * signed or must be.
 * @throws AgentvError `not-found` or `config` if the directory does not contain a run;
 * `interrupted`
 */
export async function verifyRun(directory: string, options: VerifyOptions = {}): Promise<RunVerification> {
	const verifier = new Verifier(directory, readRunFile(directory));
	await verifier.readRows(options.signal);
	const verified = verifier.result(checkRunDigest(directory));
	const { signature: demand, env = {}, signal } = options;
	const { reason, ...found } = demand
		? await checkSignature(directory, demand)
		: await checkSignatureForm(directory, { env, signal });
	if (reason === undefined) return { ...verified, ...found };
	return { ...verified, differences: [...verified.differences, { kind: "signature", file: signatureName, reason }] };
}

class Verifier {
	readonly #directory: string;
	readonly #run: RunFile;
	/** Planned attempts by test and target. */
	readonly #repeats: ReadonlyMap<string, number>;
	/** With recomputed scores, without their graders' assertions. */
	readonly #rows: TalliedRow[] = [];
	readonly #versions: MixedVersions;
	readonly #files = new Set<string>();
	readonly #differences: Difference[] = [];
	readonly #notReExecuted = new Map<string, NotReExecuted>();
	#reExecuted = 0;
	#attempts = 0;

	constructor(directory: string, run: RunFile) {
		this.#directory = directory;
		this.#run = run;
		this.#repeats = new Map(
			run.planned.map(([index, testId, target, repeat]) => [
				caseKey(run.evals[index]?.file ?? "", testId, target),
				repeat?.count ?? 1,
			]),
		);
		this.#versions = new MixedVersions(run);
	}

	/** Visits the rows that count, one at a time. */
	async readRows(signal: AbortSignal | undefined): Promise<void> {
		const counting = this.#countingLines();
		let line = 0;
		for (const text of wholeLines(this.#index)) {
			line += 1;
			if (!counting.has(line)) continue;
			const row = parseRow(text);
			if (row) await this.#verify(row, line);
			else this.#differences.push({ kind: "row-unreadable", line });
			if (line % 100 !== 0) continue;
			// Yield to Ctrl-C.
			await new Promise((next) => setImmediate(next));
			throwIfAborted(signal, "verifying");
		}
	}

	get #index(): string {
		return join(this.#directory, "index.jsonl");
	}

	/** Returns the last line of each attempt, and every invalid line. */
	#countingLines(): ReadonlySet<number> {
		const lines = new Map<string, { readonly line: number; readonly settled: boolean; readonly made: string }>();
		const index = wholeLines(this.#index);
		let line = 1;
		let next = index.next();
		for (; !next.done; line += 1, next = index.next()) {
			const row = identified(next.value);
			const key = row ? JSON.stringify(row.attempt) : `line ${line}`;
			const before = lines.get(key);
			// Run again because of a change: its inputs differ, and it records that.
			const isRerun = row?.rerun === "changed" && row.made !== before?.made;
			if (row && before?.settled && !isRerun) this.#differences.push({ kind: "row-duplicated", ...row.attempt, line });
			lines.set(key, { line, settled: row?.settled ?? false, made: row?.made ?? "" });
		}
		if (next.value !== "") this.#differences.push({ kind: "row-cut-off", line });
		return new Set([...lines.values()].map((one) => one.line));
	}

	async #verify(row: ResultRow, line: number): Promise<void> {
		this.#attempts += 1;
		if (row.file !== undefined) this.#files.add(row.file);
		const verified = await verifyAttempt(this.#directory, row);
		this.#differences.push(...verified.differences);
		for (const { type, takenOver } of verified.graders) {
			if (takenOver) this.#takeOver(type, takenOver);
			else this.#reExecuted += 1;
		}
		this.#versions.add(row, verified.made);
		const repeat = this.#repeats.get(caseKey(row.eval, row.testId, row.target));
		if (repeat !== undefined && row.attempt >= 1 && row.attempt <= repeat)
			this.#rows.push({
				...{ ...row, score: verified.score, executionStatus: verified.executionStatus, metadata: {} },
				scores: row.scores.map(({ usage }) => ({ usage })),
			});
		else this.#differences.push({ kind: "row-unplanned", ...attemptOf(row), line });
	}

	#takeOver(type: string, reason: NotReExecuted["reason"]): void {
		const key = `${reason} ${type}`;
		const before = this.#notReExecuted.get(key)?.graders ?? 0;
		this.#notReExecuted.set(key, { type, reason, graders: before + 1 });
	}

	/** Called once, after all rows. */
	result({ digest, problems }: DigestCheck): RunVerification {
		const outcomes = [...caseOutcomes(this.#rows, this.#run)];
		const missing = outcomes.flatMap(({ status, eval: label, testId, target, attempts, repeat }) => {
			const [attempt] = missingAttempts(new Set(attempts.map((row) => row.attempt)), repeat.count);
			return status === "not_run" && attempt !== undefined ? { eval: label, testId, target, attempt } : [];
		});
		const summary = tallyOf(outcomes, this.#run).summary(0);
		// Skip files that an attempt's row already reported.
		const told = new Set(this.#differences.map(({ file }) => file));
		return {
			directory: this.#directory,
			runId: this.#run.runId,
			...(digest === undefined ? {} : { digest }),
			planned: this.#run.planned.length,
			finished: summary.planned - testsNotRun(summary),
			attempts: this.#attempts,
			reExecuted: this.#reExecuted,
			notReExecuted: [...this.#notReExecuted.values()],
			differences: [
				...problems.filter(({ file }) => !told.has(file)),
				...this.#differences,
				...this.#versions.result().map((mixed): Difference => ({ kind: "mixed-versions", ...mixed })),
				...unnamedFiles(this.#directory, this.#files),
				...summaryDifferences(this.#directory, summary, missing),
			],
		};
	}
}

/** Identifies a line's attempt without parsing all of it. A settled attempt is never run again. */
function identified(text: string) {
	const read = readJson(text);
	const value = "value" in read ? read.value : undefined;
	if (typeof value !== "object" || value === null) return undefined;
	const { eval: label, test_id, target, attempt, ...facts } = value as Record<string, unknown>;
	const { execution_status, error, rerun, fingerprint } = facts;
	if (typeof label !== "string" || typeof test_id !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number") return undefined;
	const settled = execution_status !== "execution_error" && error === undefined;
	return {
		attempt: { eval: label, testId: test_id, target, attempt },
		settled,
		rerun,
		made: canonicalJson(fingerprint),
	};
}

/** Yields attempts' files without a row. */
function* unnamedFiles(directory: string, named: ReadonlySet<string>): Generator<Difference> {
	for (const folder of listDirectory(join(directory, "tests")))
		for (const name of listDirectory(join(directory, "tests", folder))) {
			const file = `tests/${folder}/${name}`;
			if (/^\d+\.json$/.test(name) && !named.has(file)) yield { kind: "file-without-row", file };
		}
}

/** The run's duration can't be derived from rows, so it is not compared. */
function summaryDifferences(directory: string, summary: RunSummary, missing: readonly AttemptId[]): Difference[] {
	const recorded = withBounds(readSummary(directory));
	if (!recorded) {
		if (pathKind(join(directory, "summary.json")) !== "missing") return [{ kind: "summary-unreadable" }];
		// An interrupted run has no summary yet.
		return testsNotRun(summary) === 0 ? [{ kind: "summary-missing" }] : [];
	}
	const counted = recorded.passed + recorded.failed + recorded.errors;
	const lost: Difference[] =
		counted < recorded.planned ? [] : missing.map((attempt) => ({ kind: "row-missing", ...attempt }));
	const names = Object.keys({ ...summary, ...recorded }) as (keyof RunSummary)[];
	const figures = names.filter((name) => name !== "durationMs" && !sameFigures(recorded[name], summary[name]));
	return [
		...lost,
		...figures.map((name): Difference => {
			return { kind: "summary", field: toWireKey(name), recorded: recorded[name], recomputed: summary[name] };
		}),
	];
}

/** Summaries of earlier versions have no lower bounds: they equal the means. */
function withBounds(summary: RunSummary | undefined): RunSummary | undefined {
	return summary && { errorsByAgent: 0, meanScoreLowerBound: summary.meanScore, ...summary };
}

/** Ignores rounding from the order in which fractions were added up. */
function sameFigures(one: unknown, other: unknown): boolean {
	if (typeof one === "number" && typeof other === "number")
		return Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other));
	if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
	const left: Readonly<Record<string, unknown>> = { ...one };
	const right: Readonly<Record<string, unknown>> = { ...other };
	return Object.keys({ ...left, ...right }).every((key) => sameFigures(left[key], right[key]));
}
