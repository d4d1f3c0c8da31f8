import { setMaxListeners } from "node:events";
import { dirname, join } from "node:path";
import { readSummary } from "../eval/discover-evals.ts";
import { commandRunner } from "../eval/resolve-command.ts";
import { callsPlace, checkRunDigest, noteMadeRun, workspacesPlace } from "../eval/run-digest.ts";
import { refuseNewAccess } from "../eval/trust.ts";
import { toWire } from "../format/codec.ts";
import type { ResultRow, RunFile } from "../format/run-file.ts";
import { SummaryBuilder, summaryOfRows } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { AsyncQueue } from "../lib/pool.ts";
import { redactDeep } from "../lib/redact.ts";
import {
	makeDirectories,
	makeTempDir,
	type Scratch,
	sweepStaged,
	systemTempDir,
	withTempDir,
} from "../machine/directories.ts";
import { agentvHome, freeMemory, makeOwnDirectory } from "../machine/environment.ts";
import { pathKind, removeTree, targetKind } from "../machine/files.ts";
import { withLock } from "../machine/lock.ts";
import { writeAtomic } from "../machine/write-file.ts";
import type { TargetAnswer } from "../targets/contract.ts";
import { sweepWorkspaces } from "../workspace/attempt-workspace.ts";
import { StageLogs } from "./attempt.ts";
import { Budgets, CallCache, shardBudgets } from "./call-cache.ts";
import { checkPlannedSchemas } from "./check-plan.ts";
import { Fingerprints } from "./fingerprints.ts";
import { LiveTargets } from "./live-targets.ts";
import { newRunFile, resumedRunFile } from "./new-run-file.ts";
import { recordedAttempts } from "./recorded-attempt.ts";
import { type CaseState, changedFacts, type FactsOf, type Standing, takeUp } from "./resume.ts";
import type { RunContext, ScratchSpace } from "./run-context.ts";
import { claimNamed, claimNew, isUnbegun, makeWay, type RunDirectory, resultsPlace } from "./run-directory.ts";
import { RunEngine } from "./run-engine.ts";
import { type AttemptName, type RunEvent, type RunOutcome, redactEvent } from "./run-events.ts";
import { type PlannedCase, type RunPlan, withRepositories } from "./run-plan.ts";
import { RunRecords } from "./run-records.ts";
import type { RunMachine } from "./run-request.ts";
import { RunWorkspaces } from "./run-workspaces.ts";
import { coverageOf } from "./shards.ts";

/** Creates directories for attempts below one in the system's temporary directory. */
function runScratch(): ScratchSpace & { close(): Promise<void> } {
	const roots: string[] = [];
	let count = 0;
	const usableRoot = () => {
		const last = roots.at(-1);
		if (last !== undefined && pathKind(last) === "directory") return last;
		// The first one, or a replacement for one that an agent removed.
		const root = makeTempDir("agentv-run-");
		roots.push(root);
		return root;
	};
	return {
		next(): Scratch {
			count += 1;
			const root = usableRoot();
			const path = join(root, String(count));
			return {
				path,
				make() {
					if (pathKind(root) === "missing") makeDirectories(root, 0o700);
					makeOwnDirectory(path);
					return path;
				},
			};
		},
		async remove({ path }) {
			if (targetKind(path) !== "missing") await removeTree(path);
		},
		close: async () => {
			for (const root of roots) await removeTree(root);
		},
	};
}

export interface RunOptions {
	/** Absolute directory for the records. Default: a new one below the results directory. */
	readonly output?: string;
	/** Resume the run in `output`: run what has no row yet. */
	readonly resume?: boolean;
	/** With `resume`: also rerun execution errors. */
	readonly retryErrors?: boolean;
	/** With `resume`: also rerun tests with changed inputs, instead of failing. */
	readonly rerunChanged?: boolean;
	/** Aborted by Ctrl-C: starts nothing more and ends what is running. */
	readonly signal: AbortSignal;
	/** Called for each answer of a tested target, in a conversation for each turn. */
	readonly onAnswer?: (name: AttemptName, answer: TargetAnswer) => void;
}

/**
 * Runs a plan and yields its events. Leaving the loop early aborts the run.
 * @throws AgentvError `config` if targets or the directory are unusable, before anything runs
 */
export async function* runEvals(
	plan: RunPlan,
	machine: RunMachine,
	options: RunOptions,
): AsyncGenerator<RunEvent, void> {
	const left = new AbortController();
	const signal = AbortSignal.any([options.signal, left.signal]);
	// Everything that runs concurrently listens to it: many listeners are not a leak.
	setMaxListeners(0, signal);
	const events = new AsyncQueue<RunEvent>();
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
		// Free what loading a large eval leaves (its whole syntax tree) before starting programs.
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
 * Compares recorded inputs with the current ones before anything runs. Targets only report facts
 * about themselves once they are ready: if those differ, it compares again.
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
	constructor(
		private readonly plan: RunPlan,
		private readonly machine: RunMachine,
		private readonly options: RunOptions,
		private readonly targets: LiveTargets,
		private readonly fingerprints: Fingerprints,
		private readonly directory: RunDirectory,
		private readonly emit: Emit,
	) {}

	async run(standing: Standing): Promise<void> {
		const { path } = this.directory;
		const { own, before } = standing;
		const run = await this.#runFile(standing);
		const records = new RunRecords(path, this.plan);
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
		const budgets = shardBudgets(this.plan);
		this.emit({
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
			this.emit({ type: "done", runDir: path, summary: sum, outcome });
			if (failure) throw failure;
		} finally {
			records.close();
		}
	}

	/** Lets the record's choices run again without consent, since the user made it. */
	async #noteMade(run: RunFile): Promise<void> {
		if (this.plan.isReceived) return;
		try {
			await noteMadeRun(run, this.plan.redact, this.machine.env);
		} catch (error) {
			// Not required: resuming the run then needs consent like a received one.
			if (!(error instanceof AgentvError)) throw error;
		}
	}

	/** Returns whether a resumed run is complete and matches its digest: then it stays unchanged. */
	#isUnchanged(run: RunFile, { run: before, states }: Standing): boolean {
		if (!before) return false;
		const { path } = this.directory;
		const { digest, problems } = checkRunDigest(path);
		if (digest !== undefined && problems.some(({ file }) => file === "run.json"))
			this.emit({ type: "warning", message: `${join(path, "run.json")} was modified after the run` });
		const isComplete = states.every(({ result }) => result);
		return digest !== undefined && problems.length === 0 && isComplete && canonicalJson(run) === canonicalJson(before);
	}

	#replay(states: readonly CaseState[], before: readonly ResultRow[], summary: SummaryBuilder): void {
		for (const { result } of states) if (result) summary.addCase(result);
		for (const row of before) summary.addRow(row);
		if (before.length > 0) summary.addTime(readSummary(this.directory.path)?.durationMs ?? 0);
	}

	async #runFile({ run, own, completes }: Standing): Promise<RunFile> {
		const cases = own.map(({ one }) => one);
		const made = { targets: this.targets, coverage: coverageOf(this.plan, this.fingerprints, cases) };
		if (run) return resumedRunFile(run, this.plan, cases, made);
		const { signal } = this.options;
		return newRunFile(this.plan, this.machine, { signal, ...made, ...(completes ? { completes } : {}) });
	}

	async #runAll(
		begun: RunFile,
		{ states, regraded }: Standing,
		records: RunRecords,
		summary: SummaryBuilder,
	): Promise<RunOutcome> {
		const { signal } = this.options;
		let run = begun;
		const left = states.flatMap(({ result, one }) => (result ? [] : [one]));
		if (left.length === 0) return "complete";
		const scratch = runScratch();
		const logs = new StageLogs();
		const { env } = this.machine;
		const workspaces = new RunWorkspaces(this.plan, left, {
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
				this.emit({ type: "repositories", repositories });
			},
		});
		const context: RunContext = {
			plan: this.plan,
			startedAt: run.startedAt,
			targets: this.targets,
			workspaces,
			fingerprints: this.fingerprints,
			records,
			commands: commandsOf(this.plan),
			recorded: recordedAttempts(this.plan, regraded, this.directory.path),
			scratch,
			signal,
			budgets: new Budgets(this.plan),
			onAnswer: this.options.onAnswer,
			emit: this.emit,
		};
		try {
			return await new RunEngine(context, states, summary).run();
		} finally {
			for (const { message } of await workspaces.close()) this.emit({ type: "warning", message });
			records.writeLogs(logs.records());
			await scratch.close();
		}
	}
}

/** Returns the command runner of each suite and environment. */
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

export interface RecordOptions {
	/** Absolute, replaced atomically. Nothing is written if no test has an answer. */
	readonly file: string;
	readonly signal: AbortSignal;
	readonly onEvent?: (event: RunEvent) => void;
}

export interface RecordedAnswers {
	/** Tests with an answer. */
	readonly recorded: number;
	/** Tests without one, and why. */
	readonly missing: readonly { readonly testId: string; readonly message: string }[];
	readonly outcome: RunOutcome;
}

/**
 * Calls the plan's target (an `ungraded` plan of one eval and one target) and writes its answers
 * for `replay`, secrets redacted.
 * @throws AgentvError `usage` if the plan has several evals or targets; as `runEvals`
 */
export async function recordAnswers(
	plan: RunPlan,
	machine: RunMachine,
	options: RecordOptions,
): Promise<RecordedAnswers> {
	const names = [...new Set(plan.cases.map(({ target }) => target.target.name))];
	if (plan.evals.length > 1 || names.length > 1)
		throw new AgentvError("usage", "answers can only be recorded for one eval and one target at a time", {
			hint: `Specify one eval, and one target with --target (${names.join(", ")}).`,
		});
	const answers = new Map<string, { readonly name: AttemptName; readonly turns: TargetAnswer[] }>();
	const missing: RecordedAnswers["missing"][number][] = [];
	let outcome: RunOutcome = "complete";
	const keyOf = ({ testId, attempt }: AttemptName) => JSON.stringify([testId, attempt]);
	await withTempDir("agentv-record-", async (directory) => {
		const onAnswer = (name: AttemptName, answer: TargetAnswer) => {
			const known = answers.get(keyOf(name));
			if (known) known.turns.push(answer);
			else answers.set(keyOf(name), { name, turns: [answer] });
		};
		const output = join(directory, "run");
		for await (const event of runEvals(plan, machine, { signal: options.signal, output, onAnswer })) {
			options.onEvent?.(event);
			if (event.type === "done") outcome = event.outcome;
			if (event.type !== "attempt-finished" || event.row.executionStatus === "ok") continue;
			answers.delete(keyOf(event));
			missing.push({ testId: event.testId, message: event.row.error?.message ?? "it gave no answer" });
		}
	});
	const repeats = plan.cases.some(({ repeat }) => repeat.count > 1);
	const order = new Map(plan.cases.map(({ test }, index) => [test.id, index]));
	const inOrder = [...answers.values()].sort(
		(one, other) =>
			(order.get(one.name.testId) ?? 0) - (order.get(other.name.testId) ?? 0) || one.name.attempt - other.name.attempt,
	);
	const lines = inOrder.flatMap(({ name, turns }) =>
		turns.map((answer) => `${JSON.stringify(redactDeep(fixture(name, answer, repeats), plan.redact))}\n`),
	);
	if (lines.length > 0) writeAtomic(options.file, lines.join(""));
	return { recorded: new Set(inOrder.map(({ name }) => name.testId)).size, missing, outcome };
}

function fixture({ testId, attempt }: AttemptName, answer: TargetAnswer, repeats: boolean): Record<string, unknown> {
	const { text, messages, llmCalls, stopReason, cached } = answer;
	const { tokenUsage, costUsd, durationMs } = cached ?? answer;
	return {
		test_id: testId,
		...(repeats ? { attempt } : {}),
		output: text,
		...(messages.some(({ toolCalls, parts }) => toolCalls || parts) || messages.length > 1
			? {
					output_messages: messages.map(({ toolCalls, parts, ...message }) => ({
						...toWire(message),
						...(parts ? { content: parts.map(toWire) } : {}),
						...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
					})),
				}
			: {}),
		...(tokenUsage ? { token_usage: tokenUsage } : {}),
		...toWire({ costUsd, durationMs, llmCalls, stopReason }),
	};
}
