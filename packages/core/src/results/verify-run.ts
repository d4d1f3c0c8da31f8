import { join } from "node:path";
import { parseRow, readRunFile, readSummary, wholeLines } from "../eval/discover-evals.ts";
import type { Assertion } from "../eval/eval-types.ts";
import {
	caseKey,
	checkRunDigest,
	type DigestCheck,
	digestName,
	recordPath,
	signatureName,
} from "../eval/run-digest.ts";
import { toWireKey } from "../format/codec.ts";
import type { ToolCall } from "../format/eval-file.ts";
import type { Difference, RunVerification } from "../format/json-schema.ts";
import {
	type AttemptFile,
	type AttemptTurn,
	type ExecutionStatus,
	type GradedRecord,
	graderStage,
	type ResultRow,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { checkAttemptRecord, sameOrNoScore } from "../grading/attempt-record.ts";
import {
	addMeasures,
	type GraderResult,
	isGraded,
	type Measures,
	measuresOf,
	type Subject,
	sameScore,
} from "../grading/contract.ts";
import {
	attemptScore,
	attemptVerdict,
	combineScores,
	type Regraded,
	readAssertionRecords,
	regrade,
} from "../grading/grade-answer.ts";
import { caseOutcomes, missingAttempts, type TalliedRow, tallyOf, testsNotRun } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson, readJson } from "../lib/json.ts";
import { listDirectory } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, targetKind, throwIfAborted } from "../machine/files.ts";
import { readBytes } from "../machine/read-file.ts";
import { runProcess } from "../machine/run-process.ts";
import { writeAtomic } from "../machine/write-file.ts";
import { type MadeOf, MixedVersions } from "./merge-checks.ts";
import { type AttemptId, attemptOf } from "./read-run.ts";

interface AttemptVerification {
	readonly differences: readonly Difference[];
	readonly graders: readonly Regraded[];
	readonly score: number;
	readonly executionStatus: ExecutionStatus;
	readonly made?: MadeOf;
}

/** Compares an attempt's row with its file, and both with grading the recorded answer again. */
async function verifyAttempt(directory: string, row: ResultRow): Promise<AttemptVerification> {
	const differences: Difference[] = [];
	const differs = ({ kind, ...found }: Difference) => differences.push({ kind, ...attemptOf(row), ...found });
	const recorded = { differences, graders: [], score: row.score, executionStatus: row.executionStatus };
	const { file, problems } = checkAttemptRecord(directory, row);
	for (const problem of problems) differs(problem);
	if (!file) return recorded;
	const regraded = await regradeRow(directory, row, file);
	const made = { files: file.files, repositories: file.repositories };
	if (!regraded) {
		differs({ kind: "file-unreadable", ...(row.file === undefined ? {} : { file: row.file }), field: "assertions" });
		return { ...recorded, made };
	}
	for (const grader of regraded.graders) for (const difference of graderDifferences(grader)) differs(difference);
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
	// Without a complete answer, or after another test failed, there is no score to recompute.
	const status = file.error.stage === "dependency" ? row.executionStatus : "execution_error";
	return { graders: [], score: 0, status, expectedScores: undefined } as const;
}

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

interface VerifyOptions {
	readonly signal?: AbortSignal | undefined;
	readonly signature?: SignatureDemand | undefined;
	readonly env?: Environment;
}

/**
 * Compares files with the digest, grades recorded answers again, and recomputes all totals. Runs
 * only `ssh-keygen`, if the run is signed or must be.
 * @throws AgentvError `not-found` or `config` if the directory doesn't contain a run; `interrupted`
 */
export async function verifyRun(directory: string, options: VerifyOptions = {}): Promise<RunVerification> {
	const verifier = new Verifier(directory, readRunFile(directory));
	await verifier.readRows(options.signal);
	const verified = verifier.result(checkRunDigest(directory));
	const { signature: demand, env = {}, signal } = options;
	const { reason, ...signed } = demand
		? await checkSignature(directory, demand)
		: await checkSignatureForm(directory, { env, signal });
	const { runDir, runId, digest, differences, ...rest } = verified;
	if (reason !== undefined) differences.push({ kind: "signature", file: signatureName, reason });
	return { runDir, runId, digest, ...signed, agrees: differences.length === 0, ...rest, differences };
}

type NotReExecuted = RunVerification["graders"]["notReExecuted"][number];

class Verifier {
	readonly #directory: string;
	readonly #run: RunFile;
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

	#countingLines(): ReadonlySet<number> {
		const lines = new Map<string, { readonly line: number; readonly settled: boolean; readonly made: string }>();
		const index = wholeLines(this.#index);
		let line = 1;
		let next = index.next();
		for (; !next.done; line += 1, next = index.next()) {
			const row = identified(next.value);
			const key = row ? JSON.stringify(row.attempt) : `line ${line}`;
			const before = lines.get(key);
			// A change of inputs explains the additional row, if it records that.
			const isRerun = row?.rerun === "changed" && row.made !== before?.made;
			if (row && before?.settled && !isRerun) this.#differences.push({ kind: "row-duplicated", ...row.attempt, line });
			lines.set(key, { line, settled: row?.settled ?? false, made: row?.made ?? "" });
		}
		if (next.value !== "") this.#differences.push({ kind: "row-cut-off", line });
		return new Set([...lines.values()].map((last) => last.line));
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
	result({ digest, problems }: DigestCheck) {
		const outcomes = [...caseOutcomes(this.#rows, this.#run)];
		const missing = outcomes.flatMap(({ status, eval: label, testId, target, attempts, repeat }) => {
			const [attempt] = missingAttempts(new Set(attempts.map((row) => row.attempt)), repeat.count);
			return status === "not_run" && attempt !== undefined ? { eval: label, testId, target, attempt } : [];
		});
		const summary = tallyOf(outcomes, this.#run).summary(0);
		// Skip files that an attempt's row has already reported.
		const reported = new Set(this.#differences.map(({ file }) => file));
		const differences: Difference[] = [
			...problems.filter(({ file }) => !reported.has(file)),
			...this.#differences,
			...this.#versions.result().map((mixed) => ({ kind: "mixed-versions", ...mixed }) as const),
			...unnamedFiles(this.#directory, this.#files),
			...summaryDifferences(this.#directory, summary, missing),
		];
		return {
			...{ runDir: this.#directory, runId: this.#run.runId, digest: digest ?? null },
			tests: { planned: summary.planned, finished: summary.planned - testsNotRun(summary) },
			attempts: this.#attempts,
			graders: { reExecuted: this.#reExecuted, notReExecuted: [...this.#notReExecuted.values()] },
			differences,
		};
	}
}

/** Identifies a line's attempt without parsing all of it. A settled attempt never runs again. */
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

/** Adds the lower bounds that summaries of earlier versions lack: they equal the means. */
function withBounds(summary: RunSummary | undefined): RunSummary | undefined {
	return summary && { errorsByAgent: 0, meanScoreLowerBound: summary.meanScore, ...summary };
}

/** Ignores rounding errors, which depend on the order of additions. */
function sameFigures(a: unknown, b: unknown): boolean {
	if (typeof a === "number" && typeof b === "number")
		return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
	const left: Readonly<Record<string, unknown>> = { ...a };
	const right: Readonly<Record<string, unknown>> = { ...b };
	return Object.keys({ ...left, ...right }).every((key) => sameFigures(left[key], right[key]));
}

interface RegradedAttempt {
	readonly graders: readonly Regraded[];
	readonly expectedScores?: number;
	/** Absent if a grader neither runs again nor has a recorded result. */
	readonly score?: number;
	readonly status?: ExecutionStatus;
}

/** @param fileOf resolves a path in the file @returns undefined if the file has no graders */
async function regradeAttempt(
	file: AttemptFile,
	fileOf: (path: string) => string,
): Promise<RegradedAttempt | undefined> {
	const whole = readAssertionRecords(file.assertions);
	const turns = file.turns?.map((turn) => readAssertionRecords(turn.assertions));
	if (!whole || turns?.includes(undefined)) return undefined;
	const regrader = new Regrader(file, fileOf);
	const turnScores: (number | undefined)[] = [];
	for (const [index, turn] of (file.turns ?? []).entries()) {
		const assertions = (turns?.[index] ?? []).map((assertion) => ({
			...assertion,
			name: `turn ${index + 1}: ${assertion.name}`,
		}));
		const subject = regrader.turnSubject(turn);
		if (assertions.length > 0) turnScores.push(await regrader.grade(assertions, subject));
	}
	const wholeScore =
		whole.length === 0 && file.turns ? undefined : await regrader.grade(whole, regrader.wholeSubject());
	const { graders, results, expected } = regrader;
	const count = expected === file.scores.length ? {} : { expectedScores: expected };
	if (results.length < expected) return { graders, ...count };
	const held = file.turns && {
		scores: turnScores.flatMap((score) => score ?? []),
		unheld: file.unheldTurns ?? 0,
		aggregation: file.aggregation ?? "mean",
	};
	return { graders, ...count, ...attemptVerdict(attemptScore(held, wholeScore), file.threshold, results) };
}

class Regrader {
	readonly graders: Regraded[] = [];
	readonly results: GraderResult[] = [];
	expected = 0;
	readonly #file: AttemptFile;
	readonly #fileOf: (path: string) => string;
	readonly #scores: readonly GradedRecord[];
	readonly #toolCalls: readonly (readonly ToolCall[])[];
	#message = 0;

	constructor(file: AttemptFile, fileOf: (path: string) => string) {
		this.#file = file;
		this.#fileOf = fileOf;
		this.#scores = file.scores;
		this.#toolCalls = (file.messages ?? []).map(({ toolCalls }) => toolCalls ?? []);
	}

	async grade(assertions: readonly Assertion[], subject: Subject): Promise<number | undefined> {
		const results: GraderResult[] = [];
		for (const assertion of assertions) {
			const recorded = this.#scores[this.expected];
			this.expected += 1;
			const result = await regrade(assertion, recorded, subject, {
				isRedacted: this.#file.masked === true,
				seen: (regraded) => this.graders.push(regraded),
			});
			if (result) results.push(result);
		}
		this.results.push(...results);
		const graded = results.filter(isGraded);
		return graded.length < assertions.length ? undefined : combineScores(graded);
	}

	wholeSubject(): Subject {
		const { turns } = this.#file;
		const [first, ...more] = (turns ?? [this.#file]).map(measuresOf);
		const measures = more.reduce((sum, turn) => addMeasures(sum, turn), first ?? {});
		return this.#subject(this.#file, measures, this.#toolCalls.flat());
	}

	/** Advances by the turn's messages, whose tool calls belong to it. */
	turnSubject(turn: AttemptTurn): Subject {
		const from = this.#message;
		this.#message += turn.messageCount;
		return this.#subject(turn, measuresOf(turn), this.#toolCalls.slice(from, this.#message).flat());
	}

	#subject(answer: AttemptFile | AttemptTurn, measures: Measures, toolCalls: readonly ToolCall[]): Subject {
		const { output, outputPath, expectedOutput } = answer;
		const { durationMs, tokenUsage, costUsd, llmCalls } = measures;
		const { testId, attempt, threshold, metadata } = this.#file;
		return {
			...{ testId, attempt, threshold, metadata, toolCalls },
			output: output ?? "",
			// Reproducible graders use none of these.
			...{ input: [], prompt: "", messages: [], inputFiles: async () => [] },
			...(outputPath === undefined ? {} : { outputFile: this.#fileOf(outputPath) }),
			...(durationMs === undefined ? {} : { durationMs }),
			...(tokenUsage === undefined ? {} : { tokenUsage }),
			...(costUsd === undefined ? {} : { costUsd }),
			...(llmCalls === undefined ? {} : { llmCalls }),
			...(expectedOutput === undefined ? {} : { expectedOutput }),
		};
	}
}

/** `ssh-keygen` namespace, so that signatures for other purposes are not valid for a run. */
const namespace = "agentv-run";

interface KeygenOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

interface SignatureDemand extends KeygenOptions {
	/** Absolute path of a file in the format of ALLOWED SIGNERS in `ssh-keygen`. */
	readonly allowedSigners: string;
	/** One of the file's principals; default: any. */
	readonly signer?: string | undefined;
}

/** Returns who signed, or why no signature is valid. @throws AgentvError */
async function checkSignature(
	directory: string,
	{ allowedSigners, signer, ...options }: SignatureDemand,
): Promise<{ readonly signedBy?: string; readonly reason?: string }> {
	const signature = join(directory, signatureName);
	if (targetKind(allowedSigners) !== "file") throw new AgentvError("config", `${allowedSigners} is not a file`);
	if (pathKind(signature) === "missing") return { reason: "the run is not signed" };
	if (pathKind(join(directory, digestName)) !== "file") return { reason: "the run has no digest to sign" };
	if (pathKind(signature) !== "file") return { reason: `${signatureName} is not a regular file` };
	const known = ["-f", allowedSigners, "-s", signature];
	const result = await keygen(directory, ["-Y", "find-principals", ...known], options);
	const principals = result.exitCode === 0 ? result.stdout.split(/[\n,]/).filter((line) => line !== "") : [];
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	let reason = "";
	for (const principal of signer === undefined ? principals : [signer]) {
		const how = ["-Y", "verify", ...known, "-I", principal, "-n", namespace];
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signedBy: principal };
		reason = firstLine(stderr);
	}
	if (principals.length === 0) return { reason: "the signature is not from an allowed signer" };
	if (signer !== undefined && !principals.includes(signer))
		return { reason: `it is signed by ${principals.join(", ")}, not by ${signer}` };
	return {
		reason: `the signature by ${principals.join(", ")} does not match this digest: the run, its record or the signature changed after signing (ssh-keygen: ${reason})`,
	};
}

/** Accepts any key; "not_checked" without `ssh-keygen`. @throws AgentvError `interrupted` */
async function checkSignatureForm(
	directory: string,
	options: KeygenOptions,
): Promise<{ readonly signature?: RunVerification["signature"]; readonly reason?: string }> {
	const signature = join(directory, signatureName);
	if (pathKind(signature) === "missing") return {};
	if (pathKind(signature) !== "file") return { reason: `${signatureName} is not a regular file` };
	if (pathKind(join(directory, digestName)) !== "file") return { reason: "the run has no digest to sign" };
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	const how = ["-Y", "check-novalidate", "-n", namespace, "-s", signature];
	try {
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signature: "signers_not_checked" };
		return { reason: `${signatureName} is not a signature of this digest (ssh-keygen: ${firstLine(stderr)})` };
	} catch (error) {
		if (error instanceof AgentvError && error.code === "config") return { signature: "not_checked" };
		throw error;
	}
}

async function makeSignature(directory: string, key: string, options: KeygenOptions): Promise<string> {
	// `ssh-keygen` also opens the public key next to a private one, and would wait for a pipe.
	for (const path of [key, `${key}.pub`])
		if (!["file", "missing"].includes(targetKind(path)))
			throw new AgentvError("config", `${path} is not a regular file`, { hint: "Specify a key file with --key." });
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	const { exitCode, stdout, stderr } = await keygen(directory, ["-Y", "sign", "-f", key, "-n", namespace], {
		...options,
		input,
	});
	if (exitCode === 0 && stdout.startsWith("-----BEGIN SSH SIGNATURE-----")) return stdout;
	throw new AgentvError("config", `ssh-keygen can't sign with ${key}: ${stderr.trim() || "no reason given"}`, {
		hint: "Use a private key, or a public key whose private key is in ssh-agent; ssh-agent also supports keys with a passphrase.",
	});
}

function firstLine(text: string): string {
	return text.trim().split("\n")[0] ?? "";
}

async function keygen(
	cwd: string,
	args: readonly string[],
	{ env, ...rest }: KeygenOptions & { readonly input?: Uint8Array },
) {
	const result = await runProcess({
		argv: ["ssh-keygen", ...args],
		...{ cwd, env: { ...env, LC_ALL: "C" }, timeoutMs: 120_000, leftovers: "end" },
		...rest,
	});
	if (result.aborted) throw new AgentvError("interrupted", "ssh-keygen was interrupted");
	if (result.startError)
		throw new AgentvError("config", `ssh-keygen can't be run: ${result.startError.message}`, {
			hint: "Install the OpenSSH client (Debian package openssh-client).",
		});
	return result;
}

/**
 * Signs a run's digest with `ssh-keygen`, next to the record, and returns the digest.
 * @param key absolute path of a key for `ssh-keygen -Y sign`
 * @throws AgentvError `config` for a record that does not match its digest
 */
export async function signRun(
	directory: string,
	key: string,
	options: KeygenOptions,
): Promise<{ readonly digest: string; readonly file: string }> {
	readRunFile(directory);
	const { digest, problems } = checkRunDigest(directory);
	const [first] = problems;
	if (digest === undefined || first)
		throw new AgentvError(
			"config",
			digest === undefined
				? `${directory} has no digest to sign`
				: `${directory} does not match its digest: ${first?.file}`,
			{
				hint: "`agentv results verify` shows what differs; `agentv eval run --resume` finishes a run and writes its digest.",
			},
		);
	const file = join(directory, signatureName);
	writeAtomic(file, await makeSignature(directory, key, options), { noFollow: true });
	return { digest, file };
}
