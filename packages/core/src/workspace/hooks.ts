import { basename, dirname, extname, join } from "node:path";
import { shownCommand } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { AgentRuleKind, Extension, Hook, HookName } from "../eval/eval-types.ts";
import { wireHookNames } from "../eval/load-workspace.ts";
import { resolveWithinReach } from "../eval/read-shape.ts";
import type { DiskView } from "../eval/source.ts";
import { AgentvError } from "../lib/errors.ts";
import { mapLeaves } from "../lib/interpolate.ts";
import { JsonChild, workerEntry } from "../machine/computing-process.ts";
import { copyTree } from "../machine/copy-tree.ts";
import { makeDirectory } from "../machine/directories.ts";
import { type Environment, nodeExecutable } from "../machine/environment.ts";
import { removeTree, targetKind } from "../machine/files.ts";
import { describeLeft, markVariables, type ProcessScope } from "../machine/process-scope.ts";
import { readBytes } from "../machine/read-file.ts";
import { endOn, findExecutable, type ProcessResult } from "../machine/run-process.ts";
import { writeNewFile } from "../machine/write-file.ts";
import {
	type PrintedLog,
	staged,
	stoppedError,
	WorkspaceError,
	type WorkspaceServices,
	type WorkspaceSpec,
	type WorkspaceStage,
	type WorkspaceWarning,
	warned,
} from "./contract.ts";
import { pathWithin } from "./patch.ts";

export interface StageRunner {
	readonly spec: WorkspaceSpec;
	readonly services: WorkspaceServices;
	readonly hosts: ExtensionHosts;
}

export interface StageRun {
	readonly subject: HookSubject;
	readonly scope: ProcessScope;
	readonly signal?: AbortSignal | undefined;
	/** Of the attempt; without it the output belongs to the run. */
	readonly log?: PrintedLog | undefined;
}

export function hooksAt(spec: WorkspaceSpec, name: HookName): Hook[] {
	const hooks = [spec.workspace?.hooks[name], spec.targetHooks?.[name]];
	if (name === "afterEach" || name === "afterAll") hooks.reverse();
	return hooks.filter((hook): hook is Hook => hook?.command !== undefined);
}

export function hasStage(spec: WorkspaceSpec, name: HookName): boolean {
	return hooksAt(spec, name).length > 0 || extensionsAt(spec.extensions, name).length > 0;
}

/** The first failure ends the stage. Returns the new state. @throws WorkspaceError */
export async function runBefore(
	runner: StageRunner,
	name: "beforeAll" | "beforeEach",
	run: StageRun,
	state: ExtensionState,
): Promise<ExtensionState> {
	return run.scope.run(async () => {
		let current = state;
		for (const extension of extensionsAt(runner.spec.extensions, name)) {
			current = await runExtension(extension, name, runner, run, current);
		}
		for (const hook of hooksAt(runner.spec, name)) await runHook(name, hook, runner, run);
		return current;
	});
}

/** Continues after failures. It is the last in its scope, so remaining processes end. */
export async function runAfter(
	runner: StageRunner,
	name: "afterEach" | "afterAll",
	run: StageRun,
	state: ExtensionState,
): Promise<{ readonly state: ExtensionState; readonly warnings: readonly WorkspaceWarning[] }> {
	const stage: WorkspaceStage = name === "afterEach" ? "after_each" : "after_all";
	const warnings: WorkspaceWarning[] = [];
	let current = state;
	await run.scope.run(async () => {
		for (const extension of extensionsAt(runner.spec.extensions, name)) {
			const failures = await warned(stage, async () => {
				current = await runExtension(extension, name, runner, run, current);
			});
			warnings.push(...failures);
		}
		for (const hook of hooksAt(runner.spec, name))
			warnings.push(...(await warned(stage, () => runHook(name, hook, runner, run))));
	});
	warnings.push(...(await endScope(run.scope, "hooks and extensions")));
	return { state: current, warnings };
}

/** @param who started them, for messages */
export async function endScope(scope: ProcessScope, who: string): Promise<WorkspaceWarning[]> {
	// Hooks belong to the user: a process that only started during them is not attributed to them.
	const left = (await scope.end()).filter(({ isCertain }) => isCertain);
	return left.map((left) => ({ stage: "clean_up", code: "process-left", message: describeLeft(left, who) }));
}

export interface HookSubject {
	readonly workspacePath: string;
	/** For hooks of the run: `__before_all__` and `__after_all__`. */
	readonly testId: string;
	readonly runId: string;
	readonly input?: unknown;
	readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

const defaultTimeoutMs = 60_000;
/** Bytes of each output stream that are kept for the message. */
const maxBuffer = 64 * 1024;

/** @throws WorkspaceError if the hook fails */
async function runHook(
	name: HookName,
	hook: Hook,
	{ spec, services }: StageRunner,
	{ subject, signal, log = services.log }: StageRun,
): Promise<void> {
	if (!hook.command) return;
	const stage = wireHookNames[name] as WorkspaceStage;
	const { workspacePath, testId, runId, input = null, metadata = {} } = subject;
	const timeoutMs = hook.timeoutMs ?? defaultTimeoutMs;
	const values = { workspace_path: workspacePath, test_id: testId, eval_run_id: runId };
	const result = await services.runCommand(hook.command, {
		values,
		env: { ...spec.workspace?.env, ...services.programEnv, AGENTV_WORKSPACE_PATH: workspacePath },
		input: JSON.stringify({ ...values, case_input: input, case_metadata: metadata, metadata }),
		timeoutMs,
		maxBuffer,
		...(signal ? { signal } : {}),
	});
	log?.(stage, shownCommand(hook.command), result.stdout + result.stderr);
	if (result.aborted) throw stoppedError(stage, `the ${stage} hook`, services.signal);
	const problem = problemOf(result, timeoutMs);
	if (problem) throw new WorkspaceError(stage, problem.reason, `the ${stage} hook ${problem.message}`);
}

function problemOf(result: ProcessResult, timeoutMs: number): { reason: string; message: string } | undefined {
	const said = lastWords(result.stderr) || lastWords(result.stdout);
	const words = said === "" ? "" : `: ${said}`;
	if (result.startError) {
		const reason = errnoReasons[result.startError.code] ?? "not-started";
		return { reason, message: `could not be started: ${result.startError.message}` };
	}
	if (result.timedOut)
		return { reason: "timeout", message: `did not finish within ${timeoutMs} ms and was ended${words}` };
	if (result.signal) return { reason: "signal", message: `was ended by ${result.signal}${words}` };
	if (result.exitCode !== 0) return { reason: "exit-code", message: `exited with code ${result.exitCode}${words}` };
	return undefined;
}

const errnoReasons: Readonly<Record<string, string>> = { ENOENT: "not-found", EACCES: "not-executable" };

function lastWords(text: string): string {
	return text.trim().split("\n").slice(-5).join("\n").slice(-1000);
}

export function extensionsAt(extensions: readonly Extension[], name: HookName): Extension[] {
	return extensions.filter(
		(extension) => (extension.kind === "module" ? extension.exportName : extension.hook) === name,
	);
}

async function runExtension(
	extension: Extension,
	name: HookName,
	{ spec: { scope }, services, hosts }: StageRunner,
	{ subject, signal, log = services.log }: StageRun,
	state: ExtensionState,
): Promise<ExtensionState> {
	const stage = wireHookNames[name] as WorkspaceStage;
	return staged(stage, async () => {
		if (extension.kind === "agent-rules") {
			const paths = await agentRules(extension, subject.workspacePath, { scope, view: services.view, signal });
			return { ...state, agentRulesPaths: joinPaths(state.agentRulesPaths, paths) };
		}
		const shown = extension.module.raw;
		const module = resolveWithinReach(extension.module, scope, services.view);
		if (module.kind !== "file") throw new WorkspaceError(stage, "not-found", `extension ${shown} does not exist`);
		const context = contextOf(name, subject, state, scope);
		const { exportName, timeoutMs } = extension;
		const call = { module: module.path, shown, exportName, context, stage, log, timeoutMs };
		const returned = await hosts.call({ ...call, signal, runSignal: services.signal });
		try {
			return withReturned(state, returned);
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			throw new WorkspaceError(stage, "extension-error", `extension ${shown} (${name}): ${reason}`);
		}
	});
}

function contextOf(
	name: HookName,
	subject: HookSubject,
	state: ExtensionState,
	scope: EvalScope,
): Readonly<Record<string, unknown>> {
	return {
		hook_name: name,
		workspace_path: subject.workspacePath,
		test_id: subject.testId,
		eval_run_id: subject.runId,
		eval_dir: scope.directory,
		case_input: subject.input ?? null,
		case_metadata: subject.metadata ?? {},
		provider_context: state.providerContext,
		agent_rules_paths: state.agentRulesPaths ?? {},
	};
}

type AgentRules = Extract<Extension, { kind: "agent-rules" }>;

const places: Readonly<Record<AgentRuleKind, readonly string[]>> = {
	skills: [".claude/skills", ".agents/skills", ".codex/skills", ".pi/skills", "skills"],
	hooks: [".claude/hooks", ".agents/hooks", ".codex/hooks", ".pi/hooks", "hooks"],
	agents: [".agents/agents", ".codex/agents", "agents"],
	rules: ["AGENTS.md", "CLAUDE.md", "rules"],
};

/**
 * Stages its files under `.agentv/agent-rules/<kind>/` of the workspace or, if it has none, finds
 * existing rules. Returns absolute paths by kind.
 * @throws AgentvError
 */
async function agentRules(
	extension: AgentRules,
	workspace: string,
	at: { readonly scope: EvalScope; readonly view: DiskView; readonly signal?: AbortSignal | undefined },
): Promise<AgentRulesPaths> {
	if (!extension.paths) return discover(workspace);
	const copied: Partial<Record<AgentRuleKind, string[]>> = {};
	for (const kind of Object.keys(places) as AgentRuleKind[]) {
		for (const text of extension.paths[kind] ?? []) {
			const from = resolveWithinReach(text, at.scope, at.view);
			if (from.kind === "missing") throw new AgentvError("not-found", `${kind}: ${from.path} does not exist`);
			// Loading has checked that names are unique.
			const copy = await stage(from.path, workspace, `${kind}/${basename(from.path)}`, at.signal);
			copied[kind] = [...(copied[kind] ?? []), copy];
		}
	}
	return copied;
}

async function stage(from: string, workspace: string, path: string, signal: AbortSignal | undefined): Promise<string> {
	const parent = pathWithin(workspace, dirname(join(".agentv/agent-rules", path)), "the directory for agent rules");
	const goal = join(parent, basename(path));
	makeDirectory(parent);
	await removeTree(goal);
	if (targetKind(from) === "directory") await copyTree(from, goal, { signal });
	else writeNewFile(goal, readBytes(from));
	return goal;
}

function discover(workspace: string): AgentRulesPaths {
	return Object.fromEntries(
		Object.entries(places).map(([kind, paths]) => [
			kind,
			paths.map((path) => join(workspace, path)).filter((path) => targetKind(path) !== "missing"),
		]),
	);
}

/** Run by `python3 -c` with the module's path, like `extension-host.mjs`. */
const pythonExtensionProgram = `
import importlib.util, inspect, json, os, queue, signal, sys, threading, traceback

def send(answer):
    data = (json.dumps(answer) + "\\n\\n").encode()
    while data:
        data = data[os.write(4, data):]

def wanted(function, given):
    # As in JavaScript, a function may leave out the arguments that it does not want.
    for count in range(len(given), -1, -1):
        try:
            inspect.signature(function).bind(*given[:count])
            return given[:count]
        except TypeError:
            pass
        except ValueError:
            break
    return given

questions = queue.SimpleQueue()

def read():
    with os.fdopen(3, encoding="utf-8") as lines:
        for line in lines:
            questions.put(line)
    # When the run is gone, nothing is left to do; what the module started is in this process's group.
    if os.name == "posix":
        os.kill(0, signal.SIGKILL)
    os._exit(1)

# The module may keep the main thread busy for ever, and the end of the run must still be seen.
threading.Thread(target=read, daemon=True).start()
path = sys.argv[1]
sys.path.insert(0, os.path.dirname(path))
module = None
while True:
    line = questions.get()
    try:
        question = json.loads(line)
        os.environ.update(question["env"])
        if module is None:
            spec = importlib.util.spec_from_file_location("extension", path)
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
            module = loaded
        function = getattr(module, question["name"], None)
        if not callable(function):
            raise Exception("it has no function " + question["name"])
        given = (question["context"], {"hookName": question["name"]})
        send({"result": function(*wanted(function, given))})
    except Exception as error:
        send({"error": {"message": str(error) or type(error).__name__, "stack": traceback.format_exc()}})
`;

interface ExtensionCall {
	/** Absolute path. */
	readonly module: string;
	/** As written in the eval, for messages. */
	readonly shown: string;
	readonly exportName: string;
	readonly context: Readonly<Record<string, unknown>>;
	readonly stage: WorkspaceStage;
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly runSignal?: AbortSignal | undefined;
	readonly log?: PrintedLog | undefined;
}

/** Applies to calls without their own limit; the same as for hooks. */
const defaultCallTimeoutMs = 60_000;

/**
 * Runs one process per module for the whole run, so that module state is kept; restarts it after a
 * crash. Calls are sequential, so a crash belongs to exactly one.
 */
export class ExtensionHosts {
	readonly #hosts = new Map<string, ExtensionHost>();
	readonly #env: Environment;

	constructor(env: Environment) {
		this.#env = env;
	}

	/** @throws WorkspaceError with the module */
	call(call: ExtensionCall): Promise<unknown> {
		let host = this.#hosts.get(call.module);
		if (!host) {
			host = new ExtensionHost(call.module, this.#env);
			this.#hosts.set(call.module, host);
		}
		return host.call(call);
	}

	async end(): Promise<void> {
		await Promise.all([...this.#hosts.values()].map((host) => host.end()));
	}
}

class ExtensionHost {
	readonly #module: string;
	readonly #env: Environment;
	#log: ((line: string) => void) | undefined;
	#child: JsonChild | undefined;
	#queue: Promise<unknown> = Promise.resolve();
	#said: string[] = [];

	constructor(module: string, env: Environment) {
		this.#module = module;
		this.#env = env;
	}

	call(call: ExtensionCall): Promise<unknown> {
		const done = this.#queue.then(() => this.#ask(call));
		this.#queue = done.catch(() => undefined);
		return done;
	}

	async #ask(call: ExtensionCall): Promise<unknown> {
		const failed = (reason: string, message: string) =>
			new WorkspaceError(call.stage, reason, `extension ${call.shown} (${call.exportName}) ${message}`);
		const stopped = () => stoppedError(call.stage, `extension ${call.shown} (${call.exportName})`, call.runSignal);
		if (call.signal?.aborted) throw stopped();
		this.#said = [];
		this.#log = (line) => call.log?.(call.stage, call.shown, `${line}\n`);
		this.#child ??= this.#start(failed);
		const child = this.#child;
		let ending: AgentvError | undefined;
		const { timeoutMs = defaultCallTimeoutMs, signal } = call;
		const late = failed("timeout", `did not finish within ${timeoutMs / 1000} s and was ended`);
		const release = endOn({ timeoutMs, signal }, (why) => {
			ending ??= why === "timeout" ? late : stopped();
			void child.end();
		});
		try {
			const question = { name: call.exportName, context: call.context, env: markVariables() };
			const answer = (await child.ask(question)) as { result?: unknown; error?: { message: string; stack?: string } };
			if (answer.error) throw failed("extension-error", `failed: ${answer.error.message}`);
			return answer.result;
		} catch (error) {
			if (error instanceof WorkspaceError) throw error;
			this.#child = undefined;
			await child.end();
			const said = this.#said.join("\n").trim();
			const how = error instanceof Error ? error.message : String(error);
			throw ending ?? failed("extension-crash", `ended its process: it ${how}${said === "" ? "" : `\n${said}`}`);
		} finally {
			release();
		}
	}

	#start(failed: (reason: string, message: string) => WorkspaceError): JsonChild {
		return new JsonChild({
			argv: this.#argv(failed),
			cwd: dirname(this.#module),
			env: this.#env,
			onLine: (line) => {
				this.#said.push(line.slice(0, 2000));
				if (this.#said.length > 20) this.#said.shift();
				this.#log?.(line);
			},
		});
	}

	#argv(failed: (reason: string, message: string) => WorkspaceError): string[] {
		const host = workerEntry("workspace/extension-host");
		const extension = extname(this.#module);
		if (extension === ".py") return ["python3", "-u", "-c", pythonExtensionProgram, this.#module];
		if (/^\.[cm]?ts$/.test(extension)) {
			const runner = ["bun", "tsx"].find((name) => findExecutable(name, this.#env, "/") !== undefined);
			if (runner === undefined) throw failed("not-found", "is TypeScript, which needs bun or tsx in PATH");
			return [runner, host, this.#module];
		}
		if (/^\.[cm]?js$/.test(extension)) return [nodeExecutable, host, this.#module];
		throw failed("unsupported", "is not JavaScript, TypeScript or Python, so it has no functions to call");
	}

	async end(): Promise<void> {
		await this.#child?.end();
		this.#child = undefined;
	}
}

type AgentRulesPaths = { readonly [Kind in AgentRuleKind]?: readonly string[] };

/** Results of extensions so far; each test continues from the run-level state. */
export interface ExtensionState {
	readonly providerContext: Readonly<Record<string, unknown>>;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly agentRulesPaths: AgentRulesPaths | undefined;
}

export const emptyState: ExtensionState = { providerContext: {}, metadata: {}, agentRulesPaths: undefined };

/** @param value `{provider_context, metadata, agent_rules_paths}`, or nothing */
function withReturned(state: ExtensionState, value: unknown): ExtensionState {
	if (value === null || value === undefined) return state;
	const { provider_context, metadata, agent_rules_paths } = objectOf(value, "what it returned");
	return {
		providerContext: { ...state.providerContext, ...objectOf(provider_context ?? {}, "provider_context") },
		metadata: { ...state.metadata, ...objectOf(metadata ?? {}, "metadata") },
		agentRulesPaths:
			agent_rules_paths === undefined || agent_rules_paths === null
				? state.agentRulesPaths
				: joinPaths(state.agentRulesPaths, pathsOf(agent_rules_paths)),
	};
}

function joinPaths(first: AgentRulesPaths | undefined, second: AgentRulesPaths): AgentRulesPaths {
	const kinds = new Set([...Object.keys(first ?? {}), ...Object.keys(second)]) as Set<AgentRuleKind>;
	return Object.fromEntries(
		[...kinds].map((kind) => [kind, [...new Set([...(first?.[kind] ?? []), ...(second[kind] ?? [])])]]),
	);
}

export function relocated(state: ExtensionState, from: string, to: string): ExtensionState {
	if (from === to) return state;
	const move = (value: unknown) =>
		typeof value === "string" && (value === from || value.startsWith(`${from}/`))
			? to + value.slice(from.length)
			: value;
	return mapLeaves(state, move) as ExtensionState;
}

export function withRules(
	values: Readonly<Record<string, unknown>>,
	{ agentRulesPaths }: ExtensionState,
): Readonly<Record<string, unknown>> {
	return agentRulesPaths === undefined ? values : { ...values, agent_rules_paths: agentRulesPaths };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
	throw new Error(`${what} is not an object of {provider_context, metadata, agent_rules_paths}`);
}

function pathsOf(value: unknown): AgentRulesPaths {
	const result: Partial<Record<AgentRuleKind, string[]>> = {};
	for (const [kind, paths] of Object.entries(objectOf(value, "agent_rules_paths"))) {
		const list = typeof paths === "string" ? [paths] : paths;
		if (!["skills", "hooks", "agents", "rules"].includes(kind) || !Array.isArray(list)) {
			throw new Error(
				`agent_rules_paths has ${JSON.stringify(kind)}: expected lists of skills, hooks, agents and rules`,
			);
		}
		result[kind as AgentRuleKind] = list.map(String);
	}
	return result;
}
