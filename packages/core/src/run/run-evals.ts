import { setMaxListeners } from "node:events";
import { dirname, join } from "node:path";
import { readSummary } from "../eval/discover-evals.ts";
import { commandRunner } from "../eval/resolve-command.ts";
import { callsPlace, checkRunDigest, noteMadeRun, workspacesPlace } from "../eval/run-digest.ts";
import { refuseNewAccess } from "../eval/trust.ts";
import { toWire } from "../format/codec.ts";
import type { RunFile } from "../format/run-file.ts";
import { SummaryBuilder, summaryOfRows } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson, omitUndefined } from "../lib/json.ts";
import { AsyncQueue } from "../lib/pool.ts";
import { redactDeep, redactError } from "../lib/redact.ts";
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
import { type AttemptName, type RunEvent, type RunOutcome, redactEvent, StageLogs } from "./attempt.ts";
import { Budgets, CallCache, shardBudgets } from "./call-cache.ts";
import { changedFacts, type FactsOf } from "./changed-inputs.ts";
import { Fingerprints } from "./fingerprints.ts";
import { LiveTargets } from "./live-targets.ts";
import { checkPlannedSchemas } from "./observe-run.ts";
import { recordedAttempts } from "./recorded-attempt.ts";
import { type ResumeState, resumeState } from "./resume.ts";
import type { RunContext, ScratchSpace } from "./run-context.ts";
import { claimNamed, isUnbegun, makeWay, newDirectory, newRunFile, resumedRunFile } from "./run-directory.ts";
import { RunEngine } from "./run-engine.ts";
import { type PlannedCase, type RunPlan, withRepositories } from "./run-plan.ts";
import { RunRecords } from "./run-records.ts";
import type { RunMachine } from "./run-request.ts";
import { RunWorkspaces } from "./run-workspaces.ts";
import { coverageOf } from "./shards.ts";

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
	/** Absolute. Default: a new directory below the results directory. */
	readonly output?: string;
	readonly resume?: boolean;
	/** With `resume`: also rerun execution errors. */
	readonly retryErrors?: boolean;
	/** With `resume`: also rerun tests with changed inputs, instead of failing. */
	readonly rerunChanged?: boolean;
	readonly signal: AbortSignal;
	/** Called for each turn of a conversation. */
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
	// Many concurrent listeners are not a leak here.
	setMaxListeners(0, signal);
	const events = new AsyncQueue<RunEvent>();
	const emit = (event: RunEvent) => events.put(redactEvent(event, plan.redact));
	const running = execute(plan, machine, { ...options, signal }, emit).then(
		() => events.close(),
		(error: unknown) => events.fail(redactError(error, plan.redact)),
	);
	try {
		yield* events.contents();
	} finally {
		left.abort();
		await running;
	}
}

type Emit = (event: RunEvent) => void;

interface Services {
	readonly plan: RunPlan;
	readonly machine: RunMachine;
	readonly options: RunOptions;
	readonly targets: LiveTargets;
	readonly fingerprints: Fingerprints;
	readonly emit: Emit;
}

async function execute(plan: RunPlan, machine: RunMachine, options: RunOptions, emit: Emit): Promise<void> {
	refuseNewAccess(plan.newAccess, plan.redact, " In CI, pass `--trust any`.");
	const home = agentvHome(machine.env);
	const { output, resume, signal } = options;
	const cache = plan.request.cache ? new CallCache(callsPlace(home), plan.redact) : undefined;
	const targets = new LiveTargets(plan, signal, cache);
	const services = { plan, machine, options, targets, fingerprints: new Fingerprints(plan), emit };
	try {
		await sweepStaged(systemTempDir());
		await sweepWorkspaces(home);
		if (output !== undefined) await sweepStaged(dirname(output));
		if (resume === true && output !== undefined) {
			if (!isUnbegun(output)) {
				const directory = claimNamed(output, true);
				await locked(directory, async () => {
					for (const message of makeWay(directory)) emit({ type: "warning", message });
					await runIn(directory, await stateAtStart(services, directory), services);
				});
				return;
			}
			emit({ type: "warning", message: `${output} has no run to resume; starting a new one` });
		}
		const state = await stateAtStart(services);
		const directory = output ?? newDirectory(plan, machine);
		if (targetKind(directory) !== "missing" && targetKind(directory) !== "directory")
			throw new AgentvError("config", `${directory} is not a directory`);
		makeDirectories(directory);
		await locked(directory, () => runIn(claimNamed(directory, false), state, services));
	} finally {
		await targets.close();
	}
}

const manyCases = 500;

/** Compares inputs before anything runs, and again if targets then report other facts. */
async function stateAtStart(
	{ plan, options, targets, fingerprints, emit }: Services,
	directory?: string,
): Promise<ResumeState> {
	await checkPlannedSchemas(plan);
	const { retryErrors = false, rerunChanged = false } = options;
	const warn = (message: string) => emit({ type: "warning", message });
	const choices = omitUndefined({ retryErrors, rerunChanged, fingerprints, directory, warn });
	const state = resumeState(plan, choices);
	await targets.start();
	// Loading a large eval leaves its whole syntax tree; free it before starting programs.
	if (plan.cases.length >= manyCases) freeMemory();
	const facts: FactsOf = (target) => targets.facts(target);
	const haveChanged = [state.run, state.completes?.run].some((run) => {
		const records = [...(run?.targets ?? []), ...(run?.graderTargets ?? [])];
		return plan.targets.some((target) => changedFacts(target, records, facts).length > 0);
	});
	return haveChanged ? resumeState(plan, { ...choices, facts }) : state;
}

async function locked(directory: string, work: () => Promise<void>): Promise<void> {
	let holds = false;
	const guarded = () => {
		holds = true;
		return work();
	};
	try {
		await withLock(directory, guarded, { waitMs: 0, lockDirectory: directory });
	} catch (error) {
		if (holds || !(error instanceof AgentvError) || error.code !== "failed") throw error;
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			cause: error,
			hint: "Wait for it, or choose another directory with --output.",
		});
	}
}

async function runIn(directory: string, state: ResumeState, services: Services): Promise<void> {
	const { plan, emit } = services;
	const { own, before } = state;
	const run = await runFileOf(state, services);
	const records = new RunRecords(directory, plan);
	const summary = new SummaryBuilder(own.length);
	for (const { result } of own) if (result) summary.addCase(result);
	for (const row of before) summary.addRow(row);
	if (before.length > 0) summary.addTime(readSummary(directory)?.durationMs ?? 0);
	const isUnchanged = isComplete(directory, run, state, emit);
	if (!isUnchanged) {
		if (canonicalJson(run) !== canonicalJson(state.run)) {
			await noteMade(run, services);
			records.writeRunFile(run);
		}
		records.open(run);
	}
	const budgets = shardBudgets(plan);
	emit({
		...{ type: "started", runDir: directory, planned: own.length, before: summary.result() },
		...{ alreadyDone: own.filter(({ result }) => result).length, experiment: run.experiment },
		...(budgets.length > 0 ? { budgets } : {}),
	});
	const started = performance.now();
	try {
		const outcome = await runRest(directory, run, state, records, summary, services);
		summary.addTime(performance.now() - started);
		const recorded = isUnchanged ? readSummary(directory) : undefined;
		const own = summary.result();
		const sum = recorded ?? (state.run ? summaryOfRows(directory, run, own.durationMs) : own);
		const failure = recorded ? undefined : await records.seal(sum);
		emit({ type: "done", runDir: directory, summary: sum, outcome });
		if (failure) throw failure;
	} finally {
		records.close();
	}
}

async function runFileOf({ run, own, completes }: ResumeState, services: Services): Promise<RunFile> {
	const { plan, machine, options, targets, fingerprints } = services;
	const cases = own.map(({ planned }) => planned);
	const inputs = { targets, coverage: coverageOf(plan, fingerprints, cases) };
	if (run) return resumedRunFile(run, plan, cases, inputs);
	return newRunFile(plan, machine, omitUndefined({ signal: options.signal, ...inputs, completes }));
}

/** A resumed run that is complete and matches its digest stays unchanged. */
function isComplete(directory: string, run: RunFile, { run: before, states }: ResumeState, emit: Emit): boolean {
	if (!before) return false;
	const { digest, problems } = checkRunDigest(directory);
	if (digest !== undefined && problems.some(({ file }) => file === "run.json"))
		emit({ type: "warning", message: `${join(directory, "run.json")} was modified after the run` });
	const isDone = states.every(({ result }) => result);
	return digest !== undefined && problems.length === 0 && isDone && canonicalJson(run) === canonicalJson(before);
}

/** Lets the user's own run repeat its record's choices without consent. */
async function noteMade(run: RunFile, { plan, machine }: Services): Promise<void> {
	if (plan.isReceived) return;
	try {
		await noteMadeRun(run, plan.redact, machine.env);
	} catch (error) {
		// Not required: without it, resuming needs consent like a received run.
		if (!(error instanceof AgentvError)) throw error;
	}
}

async function runRest(
	directory: string,
	begun: RunFile,
	{ states, regraded }: ResumeState,
	records: RunRecords,
	summary: SummaryBuilder,
	{ plan, machine, options, targets, fingerprints, emit }: Services,
): Promise<RunOutcome> {
	const { signal, onAnswer } = options;
	let run = begun;
	const left = states.flatMap(({ result, planned }) => (result ? [] : [planned]));
	if (left.length === 0) return "complete";
	const scratch = runScratch();
	const logs = new StageLogs();
	const { runId, startedAt } = run;
	const home = agentvHome(machine.env);
	const workspaces = new RunWorkspaces(plan, left, {
		...{ runId, startedAt, processEnv: machine.env, agentvHome: home, signal, logs },
		directory: join(workspacesPlace(home), runId),
		recorded: () => run.repositories ?? [],
		onPrepared: (repositories) => {
			run = withRepositories(run, repositories);
			records.writeRunFile(run);
			emit({ type: "repositories", repositories });
		},
	});
	const context: RunContext = {
		...{ plan, startedAt, targets, workspaces, fingerprints, records, scratch, signal, onAnswer, emit },
		commands: commandsOf(plan),
		recorded: recordedAttempts(plan, regraded, directory),
		budgets: new Budgets(plan),
	};
	try {
		return await new RunEngine(context, states, summary).run();
	} finally {
		for (const { message } of await workspaces.close()) emit({ type: "warning", message });
		records.writeLogs(logs.records());
		await scratch.close();
	}
}

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

interface RecordOptions {
	/** Absolute, replaced atomically; not written if no test has an answer. */
	readonly file: string;
	readonly signal: AbortSignal;
}

interface RecordedAnswers {
	readonly recorded: number;
	readonly missing: readonly { readonly testId: string; readonly message: string }[];
	readonly outcome: RunOutcome;
}

/**
 * Calls the target of an `ungraded` plan and writes its answers for `replay`, secrets redacted.
 * @throws AgentvError `usage` if the plan has several evals or targets; see also `runEvals`
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
			if (event.type === "done") outcome = event.outcome;
			if (event.type !== "attempt-finished" || event.row.executionStatus === "ok") continue;
			answers.delete(keyOf(event));
			missing.push({ testId: event.testId, message: event.row.error?.message ?? "it gave no answer" });
		}
	});
	const repeats = plan.cases.some(({ repeat }) => repeat.count > 1);
	const inOrder = [...answers.values()].sort(({ name: a }, { name: b }) => a.index - b.index || a.attempt - b.attempt);
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
		...toWire({ tokenUsage, costUsd, durationMs, llmCalls, stopReason }),
	};
}
