import { setMaxListeners } from "node:events";
import { dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { SummaryBuilder } from "../grading/run-summary.ts";
import { summaryOfRows } from "../grading/run-tally.ts";
import { agentvHome } from "../io/environment.ts";
import { withLock } from "../io/files/lock.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { sweepStaged } from "../io/files/staged-files.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { systemTempDir } from "../io/files/temp-dir.ts";
import { freeMemory } from "../io/free-memory.ts";
import { refuseNewAccess } from "../model/consent.ts";
import { callsPlace, workspacesPlace } from "../model/home-places.ts";
import { noteMadeRun } from "../model/made-runs.ts";
import { readSummary } from "../model/result-files.ts";
import { commandRunner } from "../model/run-command.ts";
import { checkRunDigest } from "../model/run-digest.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import type { TargetAnswer } from "../targets/contract.ts";
import { sweepWorkspaces } from "../workspace/sweep-workspaces.ts";
import type { RunContext } from "./attempt-context.ts";
import { Budgets, shardBudgets } from "./budgets.ts";
import { CallCache } from "./call-cache.ts";
import type { CaseState } from "./case-states.ts";
import { checkPlannedSchemas } from "./check-plan.ts";
import { coverageOf } from "./coverage.ts";
import { EventQueue } from "./event-queue.ts";
import { Fingerprints } from "./fingerprints.ts";
import { LiveTargets } from "./live-targets.ts";
import { newRunFile, resumedRunFile } from "./new-run-file.ts";
import { recordedAttempts } from "./recorded-attempts.ts";
import { resultsPlace } from "./results-place.ts";
import { changedFacts, type FactsOf } from "./row-changes.ts";
import { claimNamed, claimNew, isUnbegun, makeWay, type RunDirectory } from "./run-directory.ts";
import { RunEngine } from "./run-engine.ts";
import { type AttemptName, type RunEvent, type RunOutcome, redactEvent } from "./run-events.ts";
import { withRepositories } from "./run-file.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";
import { RunRecords } from "./run-records.ts";
import type { RunMachine } from "./run-request.ts";
import { runScratch } from "./run-scratch.ts";
import { RunWorkspaces } from "./run-workspaces.ts";
import { StageLogs } from "./stage-logs.ts";
import { type Standing, takeUp } from "./take-up.ts";

export interface RunOptions {
	/** Absolute directory for the records. Default: a new one below the results folder. */
	readonly output?: string;
	/** Go on with the run in `output`: run what has no row yet. */
	readonly resume?: boolean;
	/** With `resume`: also run again what ended in an execution error. */
	readonly retryErrors?: boolean;
	/** With `resume`: also run again what is made of something else by now, instead of refusing to go on. */
	readonly rerunChanged?: boolean;
	/** Aborted by Ctrl-C: starts nothing more and ends what runs. */
	readonly signal: AbortSignal;
	/** Told of each answer of a tested target, in a conversation of each turn's. */
	readonly onAnswer?: (name: AttemptName, answer: TargetAnswer) => void;
}

/**
 * Runs a plan and yields what happens. Leaving the loop early aborts the run.
 * @throws AgentvError `config` where targets can't be used or the directory can't be taken, before anything is run
 */
export async function* runEvals(
	plan: RunPlan,
	machine: RunMachine,
	options: RunOptions,
): AsyncGenerator<RunEvent, void> {
	const left = new AbortController();
	const signal = AbortSignal.any([options.signal, left.signal]);
	// Everything that runs at once listens to it: many listeners are no leak.
	setMaxListeners(0, signal);
	const events = new EventQueue<RunEvent>();
	const running = execute(plan, machine, { ...options, signal }, (event) =>
		events.put(redactEvent(event, plan.redact)),
	).then(
		() => events.close(),
		(error: unknown) => events.fail(error),
	);
	try {
		yield* events.contents();
	} finally {
		left.abort();
		await running;
	}
}

type Emit = (event: RunEvent) => void;

const manyCases = 500;

async function execute(plan: RunPlan, machine: RunMachine, options: RunOptions, emit: Emit): Promise<void> {
	refuseNewAccess(plan.newAccess, plan.redact, " In CI, pass `--trust any`.");
	const targets = new LiveTargets(
		plan,
		options.signal,
		plan.request.cache ? new CallCache(callsPlace(agentvHome(machine.env)), plan.redact) : undefined,
	);
	const fingerprints = new Fingerprints(plan);
	const begin = async (resumed?: string): Promise<Standing> => {
		await checkPlannedSchemas(plan);
		const standing = standingOf(plan, fingerprints, options, emit, resumed);
		await targets.start();
		// What loading a large eval leaves behind (its whole syntax tree) goes before programs are started and records made.
		if (plan.cases.length >= manyCases) freeMemory();
		return standing.withFacts((target) => targets.facts(target));
	};
	const execute = async (directory: RunDirectory, standing: Standing) =>
		new Execution(plan, machine, options, targets, fingerprints, directory, emit).run(standing);
	try {
		await sweepStaged(systemTempDir());
		await sweepWorkspaces(agentvHome(machine.env));
		if (options.output !== undefined) await sweepStaged(dirname(options.output));
		if (options.resume === true && options.output !== undefined) {
			if (!isUnbegun(options.output)) {
				const claimed = claimNamed(options.output, true);
				await locked(claimed.path, async () => {
					for (const message of makeWay(claimed.path)) emit({ type: "warning", message });
					await execute(claimed, await begin(claimed.path));
				});
				return;
			}
			emit({ type: "warning", message: `${options.output} has no run to resume; starting a new one` });
		}
		const standing = await begin();
		const directory = options.output ?? newDirectory(plan, machine);
		if (targetKind(directory) !== "missing" || options.output === undefined) refuseFile(directory);
		makeDirectories(directory);
		await locked(directory, () => execute(claimNamed(directory, false), standing));
	} finally {
		await targets.close();
	}
}

/**
 * Compares what was recorded with what it would be made of now, before anything runs. What targets say about themselves is known only when
 * they are up: if they report something else than before, that is compared again.
 */
function standingOf(
	plan: RunPlan,
	fingerprints: Fingerprints,
	{ retryErrors = false, rerunChanged = false }: RunOptions,
	emit: Emit,
	directory: string | undefined,
) {
	const options = {
		...{ retryErrors, rerunChanged, fingerprints },
		...(directory === undefined ? {} : { directory }),
		warn: (message: string) => emit({ type: "warning", message }),
	};
	const first = takeUp(plan, options);
	return {
		withFacts: (facts: FactsOf) => (haveNewFacts(first, plan, facts) ? takeUp(plan, { ...options, facts }) : first),
	};
}

function haveNewFacts({ run, completes }: Standing, plan: RunPlan, facts: FactsOf): boolean {
	return [run, completes?.run].some((recorded) => {
		const records = [...(recorded?.targets ?? []), ...(recorded?.graderTargets ?? [])];
		return plan.targets.some((target) => changedFacts(target, records, facts).length > 0);
	});
}

function newDirectory(plan: RunPlan, machine: RunMachine): string {
	const place = resultsPlace(plan, machine);
	return claimNew(place.root, plan.experiment, new Date(), place.ignored).path;
}

function refuseFile(path: string): void {
	if (targetKind(path) !== "directory") throw new AgentvError("config", `${path} is not a directory`);
}

async function locked(directory: string, work: () => Promise<void>): Promise<void> {
	let holds = false;
	try {
		await withLock(
			directory,
			() => {
				holds = true;
				return work();
			},
			{ waitMs: 0, lockDirectory: directory },
		);
	} catch (error) {
		if (holds || !(error instanceof AgentvError) || error.code !== "failed") throw error;
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			cause: error,
			hint: "Wait for it, or choose another directory with --output.",
		});
	}
}

/** One run in its directory. */
class Execution {
	readonly #plan: RunPlan;
	readonly #machine: RunMachine;
	readonly #options: RunOptions;
	readonly #targets: LiveTargets;
	readonly #fingerprints: Fingerprints;
	readonly #directory: RunDirectory;
	readonly #emit: Emit;

	constructor(
		plan: RunPlan,
		machine: RunMachine,
		options: RunOptions,
		targets: LiveTargets,
		fingerprints: Fingerprints,
		directory: RunDirectory,
		emit: Emit,
	) {
		this.#plan = plan;
		this.#machine = machine;
		this.#options = options;
		this.#targets = targets;
		this.#fingerprints = fingerprints;
		this.#directory = directory;
		this.#emit = emit;
	}

	async run(standing: Standing): Promise<void> {
		const { path } = this.#directory;
		const { own, before } = standing;
		const run = await this.#runFile(standing);
		const records = new RunRecords(path, this.#plan);
		const summary = new SummaryBuilder(own.length);
		this.#replay(own, before, summary);
		const isUnchanged = this.#isUnchanged(run, standing);
		if (!isUnchanged) {
			if (canonicalJson(run) !== canonicalJson(standing.run)) {
				await this.#noteMade(run);
				records.writeRunFile(run);
			}
			records.open(run);
		}
		const budgets = shardBudgets(this.#plan);
		this.#emit({
			type: "started",
			runDir: path,
			planned: own.length,
			alreadyDone: own.filter(({ result }) => result).length,
			before: summary.result(),
			...(budgets.length > 0 ? { budgets } : {}),
			experiment: run.experiment,
		});
		const started = performance.now();
		try {
			const outcome = await this.#runAll(run, standing, records, summary);
			summary.addTime(performance.now() - started);
			const recorded = isUnchanged ? readSummary(path) : undefined;
			const sum = recorded ?? (standing.run ? summaryOfRows(path, run, summary.result().durationMs) : summary.result());
			const failure = recorded ? undefined : await records.seal(sum);
			this.#emit({ type: "done", runDir: path, summary: sum, outcome });
			if (failure) throw failure;
		} finally {
			records.close();
		}
	}

	/** Lets what the record chooses be run again without consent: the user chose it. */
	async #noteMade(run: RunFile): Promise<void> {
		if (this.#plan.isReceived) return;
		try {
			await noteMadeRun(run, this.#plan.redact, this.#machine.env);
		} catch (error) {
			// The run goes on without: what resumes it is then asked as of a received one.
			if (!(error instanceof AgentvError)) throw error;
		}
	}

	/** Returns whether a run that is taken up again is complete and as its digest says: it stays as it is, with its digest. */
	#isUnchanged(run: RunFile, { run: before, states }: Standing): boolean {
		if (!before) return false;
		const { path } = this.#directory;
		const { digest, problems } = checkRunDigest(path);
		if (digest !== undefined && problems.some(({ file }) => file === "run.json"))
			this.#emit({ type: "warning", message: `${join(path, "run.json")} was modified after the run` });
		const isComplete = states.every(({ result }) => result);
		return digest !== undefined && problems.length === 0 && isComplete && canonicalJson(run) === canonicalJson(before);
	}

	#replay(states: readonly CaseState[], before: readonly ResultRow[], summary: SummaryBuilder): void {
		for (const { result } of states) if (result) summary.addCase(result);
		for (const row of before) summary.addRow(row);
		if (before.length > 0) summary.addTime(readSummary(this.#directory.path)?.durationMs ?? 0);
	}

	async #runFile({ run, own, completes }: Standing): Promise<RunFile> {
		const cases = own.map(({ one }) => one);
		const made = { targets: this.#targets, coverage: coverageOf(this.#plan, this.#fingerprints, cases) };
		if (run) return resumedRunFile(run, this.#plan, cases, made);
		const { signal } = this.#options;
		return newRunFile(this.#plan, this.#machine, { signal, ...made, ...(completes ? { completes } : {}) });
	}

	async #runAll(
		begun: RunFile,
		{ states, regraded }: Standing,
		records: RunRecords,
		summary: SummaryBuilder,
	): Promise<RunOutcome> {
		const { signal } = this.#options;
		let run = begun;
		const left = states.flatMap(({ result, one }) => (result ? [] : [one]));
		if (left.length === 0) return "complete";
		const scratch = runScratch();
		const logs = new StageLogs();
		const { env } = this.#machine;
		const workspaces = new RunWorkspaces(this.#plan, left, {
			runId: run.runId,
			startedAt: run.startedAt,
			processEnv: env,
			agentvHome: agentvHome(env),
			directory: join(workspacesPlace(agentvHome(env)), run.runId),
			signal,
			logs,
			recorded: () => run.repositories ?? [],
			onPrepared: (repositories) => {
				run = withRepositories(run, repositories);
				records.writeRunFile(run);
				this.#emit({ type: "repositories", repositories });
			},
		});
		const context: RunContext = {
			plan: this.#plan,
			runId: run.runId,
			startedAt: run.startedAt,
			targets: this.#targets,
			workspaces,
			commands: commandsOf(this.#plan),
			recorded: recordedAttempts(this.#plan, regraded, this.#directory.path),
			scratch,
			signal,
			budgets: new Budgets(this.#plan),
			...(this.#options.onAnswer ? { onAnswer: this.#options.onAnswer } : {}),
			emit: this.#emit,
		};
		try {
			return await new RunEngine(context, states, records, summary, this.#fingerprints).run();
		} finally {
			for (const { message } of await workspaces.close()) this.#emit({ type: "warning", message });
			records.writeLogs(logs.records());
			await scratch.close();
		}
	}
}

/** The command runner of each suite and environment. */
function commandsOf({ view }: RunPlan): RunContext["commands"] {
	const known = new Map<PlannedCase["test"]["suite"], ReturnType<typeof commandRunner>>();
	return ({ test: { suite, workspace }, eval: { env } }) => {
		const own = workspace?.env ?? suite.workspace?.env;
		if (workspace) return commandRunner({ view, scope: suite.scope, env: { ...env, ...own } });
		const runner = known.get(suite) ?? commandRunner({ view, scope: suite.scope, env: { ...env, ...own } });
		known.set(suite, runner);
		return runner;
	};
}
