import {
	AgentvError,
	type AttemptName,
	encode,
	headRecord,
	type PassRate,
	passRate,
	provenanceSchema,
	type RunEvent,
	type RunFile,
	type RunHead,
	type RunPlan,
	type RunStore,
	readRunFile,
	redactUrl,
	runEvals,
	runState,
	toWireSummary,
	turns,
} from "@agentv/core";
import type { Services } from "./problem.ts";

/** Returns `experiment~time` or `owner~experiment~time`. */
export function runId({ id }: RunHead): string {
	return id.replaceAll("/", "~");
}

/** @throws AgentvError `not-found` */
export async function findRun(id: string, runs: RunStore): Promise<RunHead> {
	const match = await runs.find((head) => runId(head) === id);
	if (!match) throw new AgentvError("not-found", "run not found", { hint: "It may have been moved or deleted." });
	return match;
}

/** Falls back to the directory's name for unreadable runs. */
export function benchmarkOf({ benchmark, owner, state }: RunHead): string | undefined {
	return state === "unreadable" ? owner : benchmark;
}

export type RunEntry = ReturnType<typeof runEntry>;

/** Adds the current state to what `results list --json` reports. */
export function runEntry(head: RunHead, { runJobs }: Pick<Services, "runJobs">) {
	const { id, directory, summary, problem = null } = head;
	const time = id.slice(id.lastIndexOf("/") + 1);
	const startedAt = time.replace(/T(\d\d)-(\d\d)-(\d\d)Z.*$/, "T$1:$2:$3Z");
	return {
		...headRecord(head),
		id: runId(head),
		/** An unreadable run's time is in its directory's name. */
		started_at: head.startedAt ?? startedAt,
		state: head.state === "unreadable" ? head.state : runState(directory, summary),
		benchmark: benchmarkOf(head) ?? null,
		job: runJobs.of(directory),
		problem,
	};
}

export type RunResponse = Awaited<ReturnType<typeof runResponse>>;

/** Computes the summary of an unfinished run from its rows on disk. */
export async function runResponse(head: RunHead, services: Services) {
	const entry = runEntry(head, services);
	const file = readRunFile(head.directory);
	const [only, ...others] = file.evals;
	const sameEval = only && others.length === 0 ? await services.evals.ofFile(only.path) : undefined;
	const origin = file.origin && (await services.runs.heads()).find(({ directory }) => directory === file.origin?.path);
	return {
		...entry,
		summary: entry.state === "finished" && head.summary ? toWireSummary(head.summary) : soFar(head, services),
		provenance: provenance(file),
		origin_run: origin ? runId(origin) : null,
		eval_id: sameEval?.id ?? null,
		resumable: entry.state === "unfinished" && (await isResumable(file, services)),
	};
}

function soFar(head: RunHead, { runs }: Services) {
	const { rows, tally } = runs.table(head.directory);
	const durationMs =
		runState(head.directory, head.summary) === "under way"
			? Date.now() - Date.parse(head.startedAt ?? "")
			: (head.summary?.durationMs ?? rows.reduce((total, row) => total + row.durationMs, 0));
	return toWireSummary(tally.summary(durationMs));
}

export function provenance({ agentvVersion, nodeVersion, evals, targets, repositories, opaque, ...file }: RunFile) {
	const { git, benchmark, bundle, origin } = file;
	return encode(provenanceSchema, {
		...{ agentvVersion, nodeVersion, git, benchmark, bundle, origin, evals },
		targets: targets.map((target) => ({ ...target, settings: {} })),
		repositories: repositories?.map((repository) => ({ ...repository, repo: redactUrl(repository.repo) })),
		opaque: opaque?.slice(0, 100),
	});
}

/** Returns false if Studio must not read the run's evals or option files. */
export async function isResumable({ evals: recorded, flags }: RunFile, { evals }: Services): Promise<boolean> {
	for (const { path } of recorded) if (!(await evals.ofFile(path))) return false;
	return [flags["targetsFile"], flags["envFile"]].every(
		(path) => path === undefined || (typeof path === "string" && evals.mayRead(path)),
	);
}

interface Point {
	readonly run: string;
	readonly started_at: string;
	/** 0 to 1. */
	readonly pass_rate: number;
	/** Counts tests that the agent kept from being graded as not passed. */
	readonly pass_rate_lower_bound: number;
	/** Graded ones; `errors` counts the others. */
	readonly tests: number;
	readonly errors: number;
}

/** The chart keeps the newest points. */
const maxPoints = 200;
const maxSeries = 100;

export type RunHistory = Awaited<ReturnType<typeof runHistory>>;

/** @param heads newest first */
export async function runHistory(heads: readonly RunHead[], runs: RunStore) {
	const series = new Map<string, { eval: string; target: string; points: Point[] }>();
	const takeTurns = turns();
	for (const head of heads) {
		await takeTurns();
		if (head.startedAt === null) continue;
		for (const rate of ratesOf(head, runs)) {
			const { eval: label, target, errors } = rate;
			const key = JSON.stringify([label, target]);
			const line = series.get(key) ?? { eval: label, target, points: [] };
			if (!series.has(key) && series.size >= maxSeries) continue;
			series.set(key, line);
			const { mean, lowerBound, n: tests } = passRate(rate);
			if (line.points.length >= maxPoints || mean === null) continue;
			const rates = { pass_rate: mean, pass_rate_lower_bound: lowerBound ?? mean };
			line.points.push({ run: runId(head), started_at: head.startedAt, ...rates, tests, errors });
		}
	}
	return { series: [...series.values()].map((line) => ({ ...line, points: line.points.reverse() })) };
}

function ratesOf({ directory, evals, targets, summary }: RunHead, runs: RunStore): readonly PassRate[] {
	const [only] = evals;
	const [target] = targets;
	if (!only || target === undefined || evals.length > 1 || targets.length > 1 || !summary) return runs.rates(directory);
	const { errorsByAgent = 0 } = summary;
	return [{ ...summary, errorsByAgent, eval: only.file, target }];
}

export interface LastResult extends Readonly<Record<"passed" | "failed" | "errors" | "planned", number>> {
	readonly run: string;
	readonly started_at: string;
}

/** Maps the absolute path of an eval to its results. */
export async function lastResults(runs: RunStore): Promise<ReadonlyMap<string, LastResult>> {
	const last = new Map<string, LastResult>();
	for (const head of await runs.heads()) {
		const { startedAt, evals, summary } = head;
		if (!summary || startedAt === null) continue;
		for (const { path, file } of evals) {
			if (last.has(path)) continue;
			const counts = { passed: 0, failed: 0, errors: 0, planned: 0 };
			const rates = evals.length === 1 ? [summary] : runs.rates(head.directory).filter((rate) => rate.eval === file);
			for (const rate of rates)
				for (const name of ["passed", "failed", "errors", "planned"] as const) counts[name] += rate[name];
			last.set(path, { run: runId(head), started_at: startedAt, ...counts });
		}
	}
	return last;
}

export async function* followRun(
	plan: RunPlan,
	{ options: { env, cwd, version }, runs, runJobs }: Services,
	options: { readonly signal: AbortSignal; readonly resume?: string; readonly rerunChanged?: boolean },
	jobId: () => string,
): AsyncGenerator<RunJobEvent> {
	const { signal, resume, rerunChanged = false } = options;
	const resumeOptions = resume === undefined ? {} : { output: resume, resume: true, rerunChanged };
	let run = "";
	for await (const event of runEvals(plan, { env, cwd, version }, { signal, ...resumeOptions })) {
		if (event.type === "started") {
			const head = await runs.find(({ directory }) => directory === event.runDir);
			run = head ? runId(head) : "";
			runJobs.began(event.runDir, jobId());
		}
		const shown = jobEvent(event, run);
		if (shown) yield shown;
	}
	runs.forget();
}

export type RunJobEvent = NonNullable<ReturnType<typeof jobEvent>>;

function jobEvent(event: RunEvent, run: string) {
	switch (event.type) {
		case "started": {
			const { planned, alreadyDone, experiment } = event;
			return { type: "started", run, planned, already_done: alreadyDone, experiment } as const;
		}
		case "attempt-started":
			return { type: "attempt_started", ...nameOf(event) } as const;
		case "retry":
			return { type: "retry", message: event.message, wait_ms: event.waitMs, ...nameOf(event) } as const;
		case "attempt-finished": {
			const { executionStatus, score } = event.row;
			return { type: "attempt_finished", ...nameOf(event), execution_status: executionStatus, score } as const;
		}
		case "case-finished": {
			const { index, testId, target, result } = event;
			const { status, score = null } = result;
			return { type: "case_finished", index, test_id: testId, target, status, score } as const;
		}
		case "warning":
		case "stopping":
			return event;
		case "done": {
			const { outcome, summary } = event;
			const interrupted = outcome === "interrupted";
			return { type: "outcome", run, outcome, interrupted, summary: toWireSummary(summary) } as const;
		}
		case "repositories":
			return undefined;
	}
}

function nameOf({ index, eval: label, testId, target, attempt }: AttemptName) {
	return { index, eval: label, test_id: testId, target, attempt };
}
