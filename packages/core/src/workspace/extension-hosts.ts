import { dirname, extname } from "node:path";
import type { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { findExecutable } from "../io/process/find-executable.ts";
import { type JsonChild, startJsonChild } from "../io/process/json-child.ts";
import { nodeExecutable } from "../io/process/node-executable.ts";
import { markVariables } from "../io/process/process-scope.ts";
import { workerEntry } from "../io/process/worker-entry.ts";
import type { PrintedLog, WorkspaceStage } from "./contract.ts";
import { pythonExtensionProgram } from "./python-extension-program.ts";
import { stoppedError, WorkspaceError } from "./workspace-error.ts";

export interface ExtensionCall {
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
		const stop = (why: AgentvError) => {
			ending ??= why;
			void child.end();
		};
		const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
		const late = failed("timeout", `did not finish within ${timeoutMs / 1000} s and was ended`);
		const timer = setTimeout(() => stop(late), timeoutMs);
		const onAbort = () => stop(stopped());
		call.signal?.addEventListener("abort", onAbort, { once: true });
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
			clearTimeout(timer);
			call.signal?.removeEventListener("abort", onAbort);
		}
	}

	#start(failed: (reason: string, message: string) => WorkspaceError): JsonChild {
		return startJsonChild({
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
