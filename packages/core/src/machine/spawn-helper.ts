import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";
import { markedEnvironment, noteLeader } from "./process-scope.ts";
import { type ProcessCommand, type ProcessOptions, type ProcessResult, runProcess } from "./run-process.ts";

/** The environment is given as the difference from the helper's own. */
export interface SpawnRequest extends Omit<ProcessOptions, "env" | "signal" | "onInput" | "onStdout" | "onStderr"> {
	readonly id: number;
	readonly command: ProcessCommand;
	readonly set: Readonly<Record<string, string>>;
	readonly unset: readonly string[];
}

/** Requests: run this, or end that. */
export type ToHelper = { readonly run: SpawnRequest } | { readonly abort: number };

/** Responses: how it ended, or what running it threw. */
export type FromHelper =
	| { readonly id: number; readonly result: ProcessResult }
	| { readonly id: number; readonly error: string; readonly code?: string | undefined };

/** Missing when run from source; programs are then started directly. */
const host = join(import.meta.dirname, "spawn-host.js");

const helperExists: boolean = process.platform !== "win32" && existsSync(host);

/** A process that starts programs for us, see spawn-host. */
class SpawnHelper {
	readonly #child: ChildProcess;
	readonly #env: Environment;
	readonly #waiting = new Map<number, { resolve(result: ProcessResult): void; reject(error: Error): void }>();
	#next = 1;
	/** Whether it has exited; then another one must be started. */
	ended = false;

	constructor(env: Environment) {
		this.#env = env;
		this.#child = spawn(process.execPath, [host], {
			env: { ...env },
			// A separate group: Ctrl-C is handled by this process.
			detached: true,
			stdio: ["ignore", "ignore", "ignore", "ipc"],
			serialization: "advanced",
		});
		this.#child.on("message", (message: FromHelper) => this.#settle(message));
		this.#child.on("error", () => this.#gone());
		this.#child.on("exit", () => this.#gone());
		this.#rest();
	}

	run(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
		const id = this.#next++;
		const onAbort = () => this.#send({ abort: id });
		const result = new Promise<ProcessResult>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		if (this.#waiting.size === 1) this.#awake();
		options.signal?.addEventListener("abort", onAbort, { once: true });
		this.#send({ run: request(id, options, this.#env) });
		return result.finally(() => {
			options.signal?.removeEventListener("abort", onAbort);
			if (this.#waiting.size === 0) this.#rest();
		});
	}

	#send(message: ToHelper): void {
		if (this.#child.connected) this.#child.send(message);
		else this.#gone();
	}

	#settle(message: FromHelper): void {
		const waiting = this.#waiting.get(message.id);
		this.#waiting.delete(message.id);
		if ("result" in message) waiting?.resolve(message.result);
		else waiting?.reject(Object.assign(new Error(message.error), { code: message.code }));
	}

	#gone(): void {
		this.ended = true;
		for (const { reject } of this.#waiting.values()) reject(new Error("the helper that starts programs has ended"));
		this.#waiting.clear();
	}

	/** Nothing is running: it must not keep us alive. */
	#rest(): void {
		this.#child.unref();
		this.#child.channel?.unref();
	}

	#awake(): void {
		this.#child.ref();
		this.#child.channel?.ref();
	}
}

function request(id: number, options: ProcessOptions & ProcessCommand, base: Environment): SpawnRequest {
	const { argv, shell, env, signal: _, ...rest } = options;
	const set: Record<string, string> = {};
	for (const [name, value] of Object.entries(env)) if (value !== undefined && base[name] !== value) set[name] = value;
	const unset = Object.keys(base).filter((name) => base[name] !== undefined && env[name] === undefined);
	return { ...rest, id, command: argv ? { argv } : { shell: shell ?? "" }, set, unset };
}

/** A helper takes longer to start than a few programs do. */
const fewPrograms = 6;

let started = 0;
let helper: SpawnHelper | undefined;

/**
 * Runs `runProcess` for programs that are run repeatedly: after the first few, a small helper
 * process starts them, since forking takes longer the more memory the parent has. Options with
 * callbacks are run directly. Processes that a program leaves running end with the `ProcessScope`
 * that it was started in.
 * @throws as `runProcess`; Error if the helper was killed meanwhile
 */
export async function runOneOfMany(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	const result = await start({ ...options, env: markedEnvironment(options.env) }, options.env);
	noteLeader(result.leader);
	return result;
}

/** @param base the environment without a mark, which a helper keeps for all programs */
function start(options: ProcessOptions & ProcessCommand, base: Environment): Promise<ProcessResult> {
	started += 1;
	const direct = started <= fewPrograms || options.onStdout || options.onStderr || options.onInput || !helperExists;
	if (direct || options.signal?.aborted) return runProcess(options);
	if (!helper || helper.ended) helper = new SpawnHelper(base);
	return helper.run(options);
}
