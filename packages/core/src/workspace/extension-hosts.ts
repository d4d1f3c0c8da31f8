import { dirname, extname } from "node:path";
import type { AgentRuleKind } from "../eval/eval-types.ts";
import type { AgentvError } from "../lib/errors.ts";
import { mapLeaves } from "../lib/interpolate.ts";
import { JsonChild, workerEntry } from "../machine/computing-process.ts";
import { type Environment, nodeExecutable } from "../machine/environment.ts";
import { markVariables } from "../machine/process-scope.ts";
import { endOn, findExecutable } from "../machine/run-process.ts";
import { type PrintedLog, stoppedError, WorkspaceError, type WorkspaceStage } from "./contract.ts";

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
	/** Receives the module's output until the next call. */
	readonly log?: PrintedLog | undefined;
}

/** Time limit of a call without its own, as for hooks. */
const defaultTimeoutMs = 60_000;

/**
 * Processes of extension modules: one per module from its first call to the end of the run, so that
 * module state is kept; restarted after a crash. Calls of a module run one by one, so a crash
 * belongs to exactly one.
 */
export class ExtensionHosts {
	readonly #hosts = new Map<string, ExtensionHost>();
	readonly #env: Environment;

	constructor(env: Environment) {
		this.#env = env;
	}

	/** Calls the module's function and returns its result. @throws WorkspaceError with the module */
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
		const { timeoutMs = defaultTimeoutMs, signal } = call;
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
			// The process ended or was ended: the next call starts another.
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

export type AgentRulesPaths = { readonly [Kind in AgentRuleKind]?: readonly string[] };

/** What extensions have returned so far; each test continues from the run-level state. */
export interface ExtensionState {
	readonly providerContext: Readonly<Record<string, unknown>>;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly agentRulesPaths: AgentRulesPaths | undefined;
}

export const emptyState: ExtensionState = { providerContext: {}, metadata: {}, agentRulesPaths: undefined };

/**
 * Returns the state after an extension returned `value`:
 * `{provider_context, metadata, agent_rules_paths}`, or nothing.
 * @throws Error with what is wrong with it
 */
export function withReturned(state: ExtensionState, value: unknown): ExtensionState {
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

/** Joins both lists of each kind, without repeats. */
export function joinPaths(first: AgentRulesPaths | undefined, second: AgentRulesPaths): AgentRulesPaths {
	const kinds = new Set([...Object.keys(first ?? {}), ...Object.keys(second)]) as Set<AgentRuleKind>;
	return Object.fromEntries(
		[...kinds].map((kind) => [kind, [...new Set([...(first?.[kind] ?? []), ...(second[kind] ?? [])])]]),
	);
}

/** Returns the state with every path below `from` moved below `to`. */
export function relocated(state: ExtensionState, from: string, to: string): ExtensionState {
	if (from === to) return state;
	const move = (value: unknown) =>
		typeof value === "string" && (value === from || value.startsWith(`${from}/`))
			? to + value.slice(from.length)
			: value;
	return mapLeaves(state, move) as ExtensionState;
}

/** Returns `providerContext` or `metadata` as passed to the target and the record. */
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
