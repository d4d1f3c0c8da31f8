import {
	AgentvError,
	type CaseOutcome,
	type ResultRow,
	type RunFile,
	type RunSummary,
	readRecordHead,
	readRunFile,
	redactJson,
	redactUrl,
	scoreMean,
	sumCosts,
	type TableRow,
	type Tallied,
	testsNotRun,
} from "@agentv/core";
import type { MiddlewareHandler } from "hono";
import type {
	AttemptEntry,
	MessageAnswer,
	RunAnswer,
	RunEntry,
	RunOriginAnswer,
	RunSummaryAnswer,
	RunTestEntry,
	ScoreAnswer,
	StageLogAnswer,
	TestErrorAnswer,
	TestResultAnswer,
	UsageAnswer,
} from "./answers/runs.ts";
import { type CatalogRun, type RunTable, rowId, runState, testStatuses } from "./catalog.ts";
import { isRecord, listOf, numberOf, type Services, textOf, type Wire } from "./problem.ts";

export function describeSummary(summary: RunSummary): RunSummaryAnswer {
	const { planned, passed, failed, errors, durationMs, costUsd, tokenUsage } = summary;
	const { mean, lowerBound, n } = scoreMean(summary);
	return {
		...{ planned, passed, failed, errors, not_run: testsNotRun(summary) },
		...{ mean_score: mean, mean_score_lower_bound: lowerBound, judged: n },
		duration_ms: durationMs,
		...describeUsage({ costUsd: costUsd ?? undefined, tokenUsage: tokenUsage ?? undefined }),
		judging: judgingOfRun(summary),
	};
}

/** Describes a run for a list. */
export function describeRunEntry(run: CatalogRun, { redact, runJobs }: Services): RunEntry {
	return {
		id: run.id,
		experiment: redact(run.experiment),
		started_at: run.startedAt,
		benchmark: run.benchmark,
		evals: run.evals.map(({ name }) => name),
		targets: run.targets.slice(0, 50),
		planned: run.planned,
		state: runState(run),
		summary: run.summary ? describeSummary(run.summary) : null,
		job: runJobs.of(run.directory),
		problem: run.problem === undefined ? null : redact(run.problem),
	};
}

/** Describes a run with its provenance. */
export async function describeRun(run: CatalogRun, services: Services): Promise<RunAnswer> {
	const entry = describeRunEntry(run, services);
	const file = readRunFile(run.directory);
	const eval_id = await evalIdOf(file, services);
	const summary = entry.state === "done" && entry.summary ? entry.summary : soFar(run, services);
	return {
		...entry,
		summary,
		directory: run.directory,
		provenance: { ...provenance(file, services.redact), origin: await originOf(file, services) },
		eval_id,
		resumable: entry.state === "interrupted" && (await allKnown(file, services)),
	};
}

/** Computes the summary of a running or interrupted run from its rows. */
function soFar(run: CatalogRun, { tables }: Services): RunSummaryAnswer {
	const { rows, tally } = tables.table(run.directory);
	const lasted =
		runState(run) === "running"
			? Date.now() - Date.parse(run.startedAt)
			: (run.summary?.durationMs ?? rows.reduce((total, { durationMs }) => total + durationMs, 0));
	return describeSummary(tally.summary(lasted));
}

async function originOf({ origin }: RunFile, { runs, redact }: Services): Promise<RunOriginAnswer | null> {
	if (!origin) return null;
	const { kind, runId, path, graders } = origin;
	const known = (await runs.all()).find(({ directory }) => directory === path);
	return { kind, name: runId, run: known?.id ?? null, graders: graders?.map(redact) ?? null };
}

export function provenance(file: RunFile, redact: (text: string) => string): Omit<RunAnswer["provenance"], "origin"> {
	const { git, benchmark, bundle } = file;
	return {
		agentv_version: file.agentvVersion,
		node_version: file.nodeVersion,
		commit: git?.commit ?? null,
		branch: git?.branch ?? null,
		dirty: git?.dirty ?? null,
		benchmark: benchmark ? { id: benchmark.id, revision: benchmark.revision ?? null } : null,
		bundle: bundle ?? null,
		evals: file.evals.map(({ file: label, name, digest }) => ({ file: label, name, digest })),
		targets: file.targets.map(({ name, provider, via, facts }) => ({ name, provider, via, facts: facts ?? {} })),
		opaque: (file.opaque ?? []).slice(0, 100).map(({ what, why }) => ({ what: redact(what), why: redact(why) })),
		repositories: (file.repositories ?? []).map(({ path, repo, sha }) => ({
			path,
			repo: redact(redactUrl(repo)),
			sha,
		})),
	};
}

async function evalIdOf({ evals: [only, ...more] }: RunFile, { evals }: Services): Promise<string | null> {
	if (!only || more.length > 0) return null;
	return (await evals.ofFile(only.path))?.id ?? null;
}

/** Returns whether Studio may read the run's evals and option files; otherwise the run can't be resumed. */
export async function allKnown({ evals: recorded, flags }: RunFile, { evals }: Services): Promise<boolean> {
	for (const { path } of recorded) if (!(await evals.ofFile(path))) return false;
	return [flags["targetsFile"], flags["envFile"]].every(
		(path) => path === undefined || (typeof path === "string" && evals.mayRead(path)),
	);
}

export function describeAttempt(row: TableRow, redact: (text: string) => string): AttemptEntry {
	return {
		id: rowId(row),
		test_id: row.testId,
		eval: row.eval,
		target: row.target,
		attempt: row.attempt,
		status: row.executionStatus,
		score: row.score,
		threshold: row.threshold,
		duration_ms: row.durationMs,
		cost_usd: row.costUsd ?? null,
		error: describeError(row.error, redact),
	};
}

/** Describes a test with all its attempts. */
export function describeTest(outcome: CaseOutcome<TableRow>, redact: (text: string) => string): RunTestEntry {
	const { eval: label, testId, target, attempts } = outcome;
	const described = describeAttempts(outcome);
	return {
		...{ id: described.attempts[0]?.id ?? null, test_id: testId, eval: label, target },
		threshold: attempts[0]?.threshold ?? null,
		duration_ms: attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
		cost_usd: sumCosts(attempts).costUsd ?? null,
		judging_cost_usd: judgingOf(attempts)?.cost_usd ?? null,
		error: describeError(attempts.find(({ error }) => error)?.error, redact),
		...described,
	};
}

/** Describes the combined attempts of a test. */
function describeAttempts({ status, score, repeat, attempts }: CaseOutcome<TableRow>): TestResultAnswer["test"] {
	return {
		status: testStatuses[status],
		score: status === "error" ? null : (score ?? null),
		attempts: attempts.map((row) => ({
			...{ id: rowId(row), attempt: row.attempt, status: row.executionStatus, score: row.score },
		})),
		repeat: { count: repeat.count, strategy: repeat.strategy },
	};
}

function describeError(error: TableRow["error"], redact: (text: string) => string): TestErrorAnswer | null {
	if (!error) return null;
	const { stage, code, message, causedBy } = error;
	return { stage, code, message: redact(message), ...(causedBy ? { caused_by: causedBy } : {}) };
}

const longestText = 1024 * 1024;
const longestMessage = 128 * 1024;
const mostMessages = 500;
const mostLogs = 200;

type Redactor = (text: string) => string;

/** Describes an attempt, as far as its files exist. */
export function describeTestResult(
	{ rows, outcomes }: RunTable,
	index: number,
	directory: string,
	redact: Redactor,
): TestResultAnswer {
	const row = rows[index];
	const outcome = row && outcomes.find(({ attempts }) => attempts.includes(row));
	if (!row || !outcome) throw new AgentvError("not-found", "test result not found");
	const at = (position: number) => {
		const other = rows[position];
		return other ? rowId(other) : null;
	};
	const record = readRecord(directory, row.file);
	return {
		...describeRecord({ row, outcome, record, directory }, redact),
		...{ previous: at(index - 1), next: at(index + 1) },
	};
}

interface DescribedRecord {
	readonly row: TableRow;
	readonly outcome: CaseOutcome<TableRow>;
	/** The attempt's file; empty if it can't be read. */
	readonly record: Wire;
	readonly directory: string;
}

export function describeRecord(
	{ row, outcome, record, directory }: DescribedRecord,
	redact: Redactor,
): Omit<TestResultAnswer, "previous" | "next"> {
	const texts = new RecordTexts(directory, redact);
	const output = texts.of(record.output, record.output_path, longestText);
	const changes = texts.of(undefined, record.file_changes_shown_path ?? record.file_changes_path, longestText);
	return {
		...describeAttempt(row, redact),
		test: describeAttempts(outcome),
		timestamp: textOf(record.timestamp) ?? "",
		input: inputOf(record.input, redact),
		output: output.text,
		output_cut: output.cut,
		expected: redactedText(record.expected_output, redact),
		criteria: redactedText(record.criteria, redact),
		scores: listOf(record.scores).map((score) => scoreOf(score, redact)),
		transcript: listOf(record.messages)
			.slice(0, mostMessages)
			.map((message) => messageOf(message, texts, redact)),
		file_changes: changes.text,
		file_changes_cut: changes.cut,
		warnings: listOf(record.warnings).map((warning) => warningOf(warning, redact)),
		tokens: usageOf({ token_usage: record.token_usage }).tokens,
		judging: judgingOf([row]),
		stop_reason: textOf(record.stop_reason) ?? null,
		cached: isRecord(record.cached)
			? { ...usageOf(record.cached), duration_ms: numberOf(record.cached.duration_ms) ?? null }
			: null,
		timings: timingsOf(record.timings_ms),
		logs: logsOf(record.logs, redact),
		rerun: record.rerun === "changed",
		metadata: JSON.stringify(record.metadata ?? {}).length > longestMessage ? {} : asObject(record.metadata),
		workspace_path: textOf(record.workspace_path) ?? null,
		recorded: row.file !== undefined && record.test_id !== undefined,
	};
}

export function readRecord(directory: string, file: string | undefined): Wire {
	const head = file === undefined ? undefined : readRecordHead(directory, file, 64 * longestText);
	if (!head || head.cut) return {};
	try {
		const value: unknown = JSON.parse(head.text);
		return isRecord(value) ? value : {};
	} catch (error) {
		// Truncated by a crash: the row is still shown.
		if (error instanceof SyntaxError) return {};
		throw error;
	}
}

/** Reads texts of a record, which are inline or in a separate file. */
class RecordTexts {
	readonly #directory: string;
	readonly #redact: Redactor;

	constructor(directory: string, redact: Redactor) {
		this.#directory = directory;
		this.#redact = redact;
	}

	/** `cut`: number of removed bytes. */
	of(text: unknown, path: unknown, longest: number): { readonly text: string | null; readonly cut: number } {
		if (typeof text === "string")
			return { text: this.#redact(text.slice(0, longest)), cut: Math.max(0, text.length - longest) };
		const head = typeof path === "string" ? readRecordHead(this.#directory, path, longest) : undefined;
		return head ? { text: this.#redact(head.text), cut: head.cut ? head.size - longest : 0 } : { text: null, cut: 0 };
	}
}

function inputOf(input: unknown, redact: Redactor): MessageAnswer[] {
	if (typeof input === "string")
		return [{ role: "user", content: redact(input.slice(0, longestText)), tool_calls: [] }];
	return listOf(input).map(({ role, content, tool_calls }) => ({
		role: textOf(role) ?? "",
		content: redact(contentOf(content).slice(0, longestText)),
		tool_calls: listOf(tool_calls).map(toolCallOf),
	}));
}

function contentOf(content: unknown): string {
	if (typeof content === "string") return content;
	return listOf(content)
		.map(({ type, value }) => (type === "text" ? (textOf(value) ?? "") : `[${textOf(type)}: ${textOf(value)}]`))
		.join("\n\n");
}

function messageOf(message: Wire, texts: RecordTexts, redact: Redactor): MessageAnswer {
	const { text } = texts.of(message.content, message.content_path, longestMessage);
	return {
		role: textOf(message.role) ?? "",
		content: text ?? redact(contentOf(message.content)),
		tool_calls: listOf(message.tool_calls).map(toolCallOf),
	};
}

function toolCallOf({ tool, input, output, duration_ms }: Wire): MessageAnswer["tool_calls"][number] {
	return {
		tool: textOf(tool) ?? "",
		input: shortened(input),
		output: shortened(output),
		duration_ms: numberOf(duration_ms) ?? null,
	};
}

function shortened(value: unknown): unknown {
	if (value === undefined) return null;
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : value;
}

export function scoreOf(score: Wire, redact: Redactor): ScoreAnswer {
	return {
		name: textOf(score.name) ?? "",
		type: textOf(score.type) ?? "",
		score: numberOf(score.score) ?? null,
		weight: numberOf(score.weight) ?? 1,
		verdict: verdictOf(score),
		veto: score.veto === true,
		error: isRecord(score.error)
			? { code: textOf(score.error.code) ?? "", message: redact(textOf(score.error.message) ?? "") }
			: null,
		usage: isRecord(score.usage)
			? {
					...usageOf(score.usage),
					target: redact(textOf(score.usage.target) ?? ""),
					model: textOf(score.usage.model) ?? null,
				}
			: null,
		assertions: listOf(score.assertions).map(({ text, passed, evidence }) => ({
			text: redact(textOf(text) ?? ""),
			passed: passed === true,
			evidence: redactedText(evidence, redact),
		})),
		parts: listOf(score.parts).map((part) => scoreOf(part, redact)),
	};
}

function verdictOf({ verdict }: Wire): ScoreAnswer["verdict"] {
	return verdict === "pass" || verdict === "not_judged" ? verdict : "fail";
}

function usageOf({ cost_usd, token_usage }: Wire): UsageAnswer {
	const tokens = isRecord(token_usage) ? token_usage : undefined;
	return {
		cost_usd: numberOf(cost_usd) ?? null,
		tokens: tokens ? { input: numberOf(tokens.input) ?? 0, output: numberOf(tokens.output) ?? 0 } : null,
	};
}

function timingsOf(timings: unknown): TestResultAnswer["timings"] {
	if (!isRecord(timings)) return null;
	return Object.entries(timings).flatMap(([stage, value]) => {
		const ms = numberOf(value);
		return ms === undefined ? [] : [{ stage, ms }];
	});
}

function logsOf(logs: unknown, redact: Redactor): StageLogAnswer[] {
	return listOf(logs)
		.slice(0, mostLogs)
		.map(({ stage, name, text, omitted }) => {
			const whole = textOf(text) ?? "";
			return {
				...{ stage: textOf(stage) ?? "", name: redact(textOf(name) ?? "") },
				text: redact(whole.slice(0, longestMessage)),
				omitted: (numberOf(omitted) ?? 0) + Math.max(0, whole.length - longestMessage),
			};
		});
}

function warningOf({ stage, code, message }: Wire, redact: Redactor): TestErrorAnswer {
	return { stage: textOf(stage) ?? "", code: textOf(code) ?? "", message: redact(textOf(message) ?? "") };
}

function redactedText(value: unknown, redact: Redactor): string | null {
	if (value === undefined || value === null) return null;
	return redact(typeof value === "string" ? value : JSON.stringify(value, null, 2)).slice(0, longestText);
}

function asObject(value: unknown): Wire {
	return isRecord(value) ? value : {};
}

type Usage = Pick<ResultRow, "tokenUsage" | "costUsd">;

function describeUsage({ tokenUsage, costUsd }: Usage): UsageAnswer {
	return {
		cost_usd: costUsd ?? null,
		tokens: tokenUsage ? { input: tokenUsage.input, output: tokenUsage.output } : null,
	};
}

/** Returns the usage of grading models in a run; null if none was used. */
function judgingOfRun({ graderTokenUsage, graderCostUsd }: Tallied): UsageAnswer | null {
	if (graderTokenUsage === undefined && graderCostUsd === undefined) return null;
	return describeUsage({ tokenUsage: graderTokenUsage, costUsd: graderCostUsd });
}

/** Returns the usage of grading models for some attempts; null if none was used. */
function judgingOf(
	rows: readonly { readonly scores: readonly { readonly usage?: Usage | undefined }[] }[],
): UsageAnswer | null {
	const usages = rows.flatMap(({ scores }) => scores.flatMap(({ usage }) => usage ?? []));
	return usages.length === 0 ? null : describeUsage(sumCosts(usages));
}

/** Redacts secrets in all JSON responses. */
export function redactedAnswers({ redact }: Pick<Services, "redact">): MiddlewareHandler {
	return async (c, next) => {
		await next();
		if (!/^application\/json\b/.test(c.res.headers.get("content-type") ?? "")) return;
		const text = await c.res.clone().text();
		const shown = redactJson(text, redact);
		if (shown === text) return;
		const { status, headers } = c.res;
		// Otherwise Hono merges the headers of both responses.
		c.res = undefined;
		const newHeaders = new Headers(headers);
		newHeaders.delete("content-length");
		c.res = new Response(shown, { status, headers: newHeaders });
	};
}
