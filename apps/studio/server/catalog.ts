import { createHash } from "node:crypto";
import {
	AgentvError,
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	type FoundRun,
	findRuns,
	isFinished,
	isRunUnderWay,
	type PlannedRun,
	passRate,
	type RunFile,
	type RunSummary,
	type RunTally,
	readRunFile,
	readRunTable,
	readSummary,
	runStamps,
	safeName,
	type TableRow,
	tallyOf,
} from "@agentv/core";
import type { Env, MiddlewareHandler } from "hono";
import { validator } from "hono/validator";
import { z } from "zod";
import type { RunHistoryAnswer, TestStatus } from "./answers/runs.ts";
import { matcher, type StudioOptions } from "./find-eval.ts";

/** A Hono validator that types `hc`: input and output of the schema. */
type Validator<Target extends "query" | "json", Schema extends z.ZodType> = MiddlewareHandler<
	Env,
	string,
	{ in: { [Key in Target]: z.input<Schema> }; out: { [Key in Target]: z.output<Schema> } }
>;

/** Validates the query; errors are `usage` problems that name the parameter. */
export function query<Schema extends z.ZodType>(schema: Schema): Validator<"query", Schema> {
	return validator("query", (value) => checked(schema, value, "the query")) as Validator<"query", Schema>;
}

/** Validates the JSON body; errors are `usage` problems that name the field. */
export function body<Schema extends z.ZodType>(schema: Schema): Validator<"json", Schema> {
	return validator("json", (value) => checked(schema, value, "the body")) as Validator<"json", Schema>;
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	const [issue] = result.error.issues;
	const field = issue?.path.join(".");
	throw new AgentvError("usage", `${field ? `${what}'s ${field}` : what} is invalid: ${issue?.message}`);
}

const wholeNumber = z.string().regex(/^[1-9]\d{0,6}$/, "expected a positive integer");

/** `?page=`, from 1. */
export const pageField = wholeNumber.optional().transform((text) => Number(text ?? 1));

/** `?page_size=`: 1 to 200. */
export const pageSizeField = wholeNumber
	.optional()
	.transform((text) => Number(text ?? 50))
	.refine((size) => size <= 200, "at most 200");

/** `?search=`. */
export const searchField = z.string().max(500).optional();

/** Filters by a name. */
export const nameField = z.string().min(1).max(500).optional();

/** A repeatable parameter. */
export const listField = z
	.union([z.string(), z.array(z.string())])
	.optional()
	.transform((value) => (value === undefined ? [] : [value].flat()));

/** A run's record without its long fields, for lists. */
export interface CatalogRun {
	/** `experiment~time`, `owner~experiment~time`. */
	readonly id: string;
	readonly directory: string;
	readonly experiment: string;
	/** ISO 8601; derived from the folder's name if the run can't be read. */
	readonly startedAt: string;
	readonly benchmark: string | null;
	readonly evals: readonly { readonly file: string; readonly path: string; readonly name: string }[];
	readonly targets: readonly string[];
	readonly planned: number;
	readonly summary: RunSummary | undefined;
	/** Why it can't be read. */
	readonly problem: string | undefined;
}

interface Known {
	readonly stamp: string;
	readonly run: CatalogRun;
}

/** Milliseconds of reading before yielding to other requests. */
const turnMs = 20;
/** How long a listing is cached, because a page sends several requests in parallel. */
const freshMs = 500;

/** Lists all runs that Studio may show; reads a run again if it has changed. */
export class RunCatalog {
	#known = new Map<string, Known>();
	#all: readonly CatalogRun[] = [];
	#at = Number.NEGATIVE_INFINITY;
	#reading: Promise<readonly CatalogRun[]> | undefined;
	readonly #options: Pick<StudioOptions, "env" | "cwd">;

	constructor(options: Pick<StudioOptions, "env" | "cwd">) {
		this.#options = options;
	}

	/** Newest first. */
	async all(): Promise<readonly CatalogRun[]> {
		if (performance.now() - this.#at < freshMs) return this.#all;
		this.#reading ??= this.#read().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	/** @throws AgentvError `not-found` */
	async find(id: string): Promise<CatalogRun> {
		for (const refresh of [false, true]) {
			if (refresh) this.forget();
			const found = (await this.all()).find((run) => run.id === id);
			if (found) return found;
		}
		throw new AgentvError("not-found", "run not found", { hint: "It may have been moved or deleted." });
	}

	/** Returns the run in `directory`, which has just started. */
	async inDirectory(directory: string): Promise<CatalogRun | undefined> {
		this.forget();
		return (await this.all()).find((run) => run.directory === directory);
	}

	/** Clears the cached listing. */
	forget(): void {
		this.#at = Number.NEGATIVE_INFINITY;
	}

	async #read(): Promise<readonly CatalogRun[]> {
		const known = new Map<string, Known>();
		let turn = performance.now();
		for (const found of findRuns(this.#options)) {
			if (performance.now() - turn > turnMs) {
				await new Promise((resolve) => setImmediate(resolve));
				turn = performance.now();
			}
			const stamp = runStamps(found.directory).run;
			if (stamp === undefined) continue; // not started yet
			const before = this.#known.get(found.directory);
			known.set(found.directory, before?.stamp === stamp ? before : { stamp, run: readCatalogRun(found) });
		}
		this.#known = known;
		this.#all = [...known.values()].map(({ run }) => run);
		this.#at = performance.now();
		return this.#all;
	}
}

function readCatalogRun(found: FoundRun): CatalogRun {
	const { id, directory, experiment, owner } = found;
	const base = { id: id.replaceAll("/", "~"), directory };
	try {
		return { ...base, ...short(readRunFile(directory)), summary: readSummary(directory), problem: undefined };
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const startedAt = found.time.replace(/T(\d\d)-(\d\d)-(\d\d)Z.*$/, "T$1:$2:$3Z");
		const nothing = { benchmark: owner ?? null, evals: [], targets: [], planned: 0, summary: undefined };
		return { ...base, experiment, startedAt, ...nothing, problem: error.message };
	}
}

function short({ experiment, startedAt, benchmark, evals, targets, planned }: RunFile) {
	return {
		experiment,
		startedAt,
		benchmark: benchmark?.id ?? null,
		evals: evals.map(({ file, path, name }) => ({ file, path, name })),
		targets: [...new Set(planned.map(([, , target]) => target))].concat(planned.length === 0 ? names(targets) : []),
		planned: planned.length,
	};
}

function names(targets: RunFile["targets"]): string[] {
	return targets.map(({ name }) => name);
}

/** Returns `running` if a process is working on it, `interrupted` if it ended early. */
export function runState({ directory, summary }: CatalogRun): "running" | "done" | "interrupted" {
	if (isFinished(summary)) return "done";
	return isRunUnderWay(directory) ? "running" : "interrupted";
}

type Series = RunHistoryAnswer["series"][number];

/** Limit for the chart; the newest points are kept. */
const mostPoints = 200;
const mostSeries = 100;
const historyTurnMs = 20;

/** Returns pass rates over time by eval and target, oldest first. `runs` are newest first. */
export async function runHistory(runs: readonly CatalogRun[], tables: RunTables): Promise<RunHistoryAnswer> {
	const series = new Map<string, { eval: string; target: string; points: Series["points"][number][] }>();
	let turn = performance.now();
	for (const run of runs) {
		if (performance.now() - turn > historyTurnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
		}
		if (run.problem !== undefined) continue;
		for (const rate of ratesOf(run, tables)) {
			const { eval: label, target, errors } = rate;
			const key = JSON.stringify([label, target]);
			const one = series.get(key) ?? { eval: label, target, points: [] };
			if (!series.has(key) && series.size >= mostSeries) continue;
			series.set(key, one);
			const { mean, lowerBound, n: tests } = passRate(rate);
			if (one.points.length >= mostPoints || mean === null) continue;
			const rates = { pass_rate: mean, pass_rate_lower_bound: lowerBound ?? mean };
			one.points.push({ run: run.id, started_at: run.startedAt, ...rates, tests, errors });
		}
	}
	return { series: [...series.values()].map((one) => ({ ...one, points: one.points.reverse() })) };
}

/** Uses the summary of a run with a single eval and target, without reading its rows. */
function ratesOf({ directory, evals, targets, summary }: CatalogRun, tables: RunTables): readonly PassRate[] {
	const [only] = evals;
	const [target] = targets;
	if (!only || target === undefined || evals.length > 1 || targets.length > 1 || !summary)
		return tables.rates(directory);
	const { passed, failed, errors, errorsByAgent = 0, planned } = summary;
	return [{ eval: only.file, target, passed, failed, errors, errorsByAgent, planned }];
}

/** Names of test statuses in the API. */
export const testStatuses = {
	passed: "ok",
	failed: "quality_failure",
	error: "execution_error",
	not_run: "not_run",
} as const satisfies Readonly<Record<CaseOutcome["status"], TestStatus>>;

export const testsQuery = z.object({
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	status: z.enum(["ok", "quality_failure", "execution_error", "not_run"]).optional(),
	target: nameField,
	eval: nameField,
	sort: z.enum(["order", "test", "status", "score", "target", "duration", "cost"]).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
type TestsQuery = z.output<typeof testsQuery>;

type Outcome = CaseOutcome<TableRow>;
type Key = Exclude<TestsQuery["sort"], "order" | undefined>;

const statusOrder: readonly Outcome["status"][] = ["error", "failed", "not_run", "passed"];

const keys: { readonly [Name in Key]: (outcome: Outcome) => string | number } = {
	test: ({ testId }) => testId,
	status: ({ status }) => statusOrder.indexOf(status),
	score: ({ score }) => score ?? -1,
	target: ({ target }) => target,
	duration: ({ attempts }) => attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
	cost: ({ attempts }) => attempts.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), -1e-9),
};

/** Filters and sorts tests by the query. */
export function selectTests(outcomes: readonly Outcome[], query: TestsQuery): readonly Outcome[] {
	const { search, status, target, eval: label, sort = "order", descending } = query;
	const matches = matcher(search);
	const wanted = outcomes.filter(
		(outcome) =>
			(!status || testStatuses[outcome.status] === status) &&
			(!target || outcome.target === target) &&
			(!label || outcome.eval === label) &&
			(!search || matches(textOf(outcome))),
	);
	const turn = descending === "true" ? -1 : 1;
	if (sort === "order") return turn === 1 ? wanted : wanted.reverse();
	const key = keys[sort];
	return wanted
		.map((outcome, index) => ({ outcome, index, by: key(outcome) }))
		.sort((a, b) => (a.by === b.by ? a.index - b.index : (a.by < b.by ? -1 : 1) * turn))
		.map(({ outcome }) => outcome);
}

function textOf({ testId, target, attempts }: Outcome): string {
	return [testId, target, ...attempts.map(({ error }) => error?.message ?? "")].join(" ");
}

/** The rows of a run and their tests. */
export interface RunTable {
	/** In order of completion. */
	readonly rows: readonly TableRow[];
	readonly outcomes: readonly CaseOutcome<TableRow>[];
	readonly tally: RunTally;
}

/** The results of one eval on one target in one run. */
interface PassRate {
	readonly eval: string;
	readonly target: string;
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	/** The part of `errors` that the agent caused. */
	readonly errorsByAgent: number;
	/** Includes tests that were not run. */
	readonly planned: number;
}

/** Cache size in rows over all runs; the most recently read table is always kept. */
const keptRows = 60_000;
const keptRates = 5000;
const keptPlans = 3;

interface Kept<Value> {
	readonly stamp: string;
	readonly value: Value;
}

/** Caches rows of runs; reads them again if they have changed. */
export class RunTables {
	readonly #tables = new Map<string, Kept<RunTable>>();
	readonly #rates = new Map<string, Kept<readonly PassRate[]>>();
	readonly #plans = new Map<string, Kept<PlannedRun>>();

	table(directory: string): RunTable {
		const stamp = stampOf(directory);
		const known = this.#tables.get(directory);
		this.#tables.delete(directory);
		const entry = known?.stamp === stamp ? known : { stamp, value: this.#read(directory) };
		this.#tables.set(directory, entry);
		this.#forgetOldest();
		return entry.value;
	}

	/** Returns pass rates by eval and target. */
	rates(directory: string): readonly PassRate[] {
		const stamp = stampOf(directory);
		const known = this.#rates.get(directory);
		if (known?.stamp === stamp) return known.value;
		// Bypasses the cache, so that the history does not evict the table being shown.
		const value = tableRates(this.#read(directory));
		this.#rates.set(directory, { stamp, value });
		const [oldest] = this.#rates.keys();
		if (this.#rates.size > keptRates && oldest !== undefined) this.#rates.delete(oldest);
		return value;
	}

	#read(directory: string): RunTable {
		const rows = readRunTable(directory);
		const plan = this.#plan(directory);
		const outcomes = [...caseOutcomes(rows, plan)];
		const others = unplanned(rows, outcomes);
		// If rows and plan belong to different runs, only the rows are shown.
		const shown = others.length === 0 ? outcomes : outcomes.filter(({ attempts }) => attempts.length > 0);
		return { rows, outcomes: [...shown, ...others], tally: tallyOf(outcomes, plan) };
	}

	/** Returns the run's plan; empty if it can't be read, so that rows are still shown. */
	#plan(directory: string): PlannedRun {
		const stamp = runStamps(directory).run ?? "none";
		const known = this.#plans.get(directory);
		if (known?.stamp === stamp) return known.value;
		this.#plans.delete(directory);
		const value = readPlan(directory);
		this.#plans.set(directory, { stamp, value });
		const [oldest] = this.#plans.keys();
		if (this.#plans.size > keptPlans && oldest !== undefined) this.#plans.delete(oldest);
		return value;
	}

	#forgetOldest(): void {
		let rows = 0;
		for (const [directory, { value }] of [...this.#tables].reverse()) {
			if (rows > 0 && rows + value.rows.length > keptRows) this.#tables.delete(directory);
			rows += value.rows.length;
		}
	}
}

function stampOf(directory: string): string {
	const { run, rows } = runStamps(directory);
	return `${run} ${rows}`;
}

function readPlan(directory: string): PlannedRun {
	try {
		const { planned, evals } = readRunFile(directory);
		return { planned, evals };
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { planned: [], evals: [] };
	}
}

/** Returns rows missing from the plan, which are shown but not counted. */
function unplanned(rows: readonly TableRow[], outcomes: readonly CaseOutcome<TableRow>[]): CaseOutcome<TableRow>[] {
	const planned = new Set(outcomes.flatMap(({ attempts }) => attempts));
	return rows
		.filter((row) => !planned.has(row))
		.map((row) => {
			const { eval: label, testId, target, executionStatus, score } = row;
			const status = attemptStatuses[executionStatus];
			const repeat = { count: 1, strategy: "mean", earlyExit: false } as const;
			return { eval: label, testId, target, status, score, lowest: score, repeat, attempts: [row] };
		});
}

function tableRates({ outcomes }: RunTable): PassRate[] {
	const rates = new Map<string, { -readonly [Key in keyof PassRate]: PassRate[Key] }>();
	for (const { eval: label, target, status, lowest } of outcomes) {
		const key = JSON.stringify([label, target]);
		const rate = rates.get(key) ?? {
			eval: label,
			target,
			passed: 0,
			failed: 0,
			errors: 0,
			errorsByAgent: 0,
			planned: 0,
		};
		rate.planned += 1;
		if (status !== "not_run") rate[status === "error" ? "errors" : status] += 1;
		if (status === "error" && lowest !== undefined) rate.errorsByAgent += 1;
		rates.set(key, rate);
	}
	return [...rates.values()];
}

type Attempt = Pick<TableRow, "eval" | "testId" | "target" | "attempt">;

/** Returns the attempt's id within its run; safe in URLs for any test id. */
export function rowId({ eval: label, testId, target, attempt }: Attempt): string {
	const digest = createHash("sha256")
		.update(JSON.stringify([label, testId, target, attempt]))
		.digest("hex");
	return safeName(testId, digest.slice(0, 16));
}

export interface LastResult extends ReturnType<typeof countsOf> {
	readonly run: string;
	/** ISO 8601. */
	readonly started_at: string;
}

/**
 * Returns, by eval file (absolute path), the latest run with a summary, and the counts of that eval's tests. `runs` are
 * newest first.
 */
export function lastResults(
	runs: readonly CatalogRun[],
	tables: Pick<RunTables, "rates">,
): ReadonlyMap<string, LastResult> {
	const last = new Map<string, LastResult>();
	for (const run of runs) {
		if (!run.summary) continue;
		for (const { path, file } of run.evals)
			if (!last.has(path)) last.set(path, { run: run.id, started_at: run.startedAt, ...countsOf(run, file, tables) });
	}
	return last;
}

/** Uses the summary of a run with a single eval, without reading its rows. */
function countsOf({ directory, evals, summary }: CatalogRun, file: string, tables: Pick<RunTables, "rates">) {
	const counts = { passed: 0, failed: 0, errors: 0, planned: 0 };
	const rates =
		evals.length === 1 && summary ? [summary] : tables.rates(directory).filter((rate) => rate.eval === file);
	for (const { passed, failed, errors, planned } of rates) {
		counts.passed += passed;
		counts.failed += failed;
		counts.errors += errors;
		counts.planned += planned;
	}
	return counts;
}
