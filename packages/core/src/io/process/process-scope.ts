import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import type { Environment } from "../environment.ts";
import { errnoCode } from "../files/file-error.ts";
import { findStrays } from "./find-strays.ts";
import { commandLine, type PidMark, type ProcessFacts, pidMark } from "./linux-processes.ts";
import { endGroup, isGroupAlive, killGroup } from "./process-group.ts";

/** Contains the marks of all scopes around a process, including an outer AgentV's. */
const variable = "_AGENTV_PROCESS_MARK";
/** The part of a mark that all scopes of this process share. */
const ownMark = `${randomBytes(8).toString("hex")}.`;

const current = new AsyncLocalStorage<ProcessScope>();
/** Scopes that may have running processes; ended when this process exits. */
const open = new Set<ProcessScope>();
/** Process groups that outlive their scope, until the caller that keeps them ends them. */
const keptGroups = new Set<number>();
let count = 0;
let endsWithUs = false;

/** A process that a scope could not end, or that may belong to it. */
export interface LeftProcess {
	readonly pid: number;
	/** Empty if unknown. */
	readonly command: string;
	/** Whether it certainly belongs to the scope. */
	readonly isCertain: boolean;
}

/** Milliseconds between SIGTERM and SIGKILL. */
const graceMs = 500;
/** Milliseconds until the environment of a process after exec is visible. */
const settleMs = 300;
/** Milliseconds to retry, for fast-forking programs and processes stuck in the kernel. */
const atMostMs = 3000;

/**
 * A piece of work whose processes all end with it, including those that left their process group
 * and session: every program that
 * `runOneOfMany` starts during the work has a mark in its environment, which its descendants
 * inherit. On Linux they are found by that mark, by their parent or session, or by their working
 * directory; elsewhere only the process groups of the programs themselves are ended.
 * @example
 * const scope = new ProcessScope([workspace]);
 * const answer = await scope.run(() => ask());
 * const left = await scope.end();
 */
export class ProcessScope {
	readonly #mark = `;${ownMark}${++count};`;
	/** Directories that only this work uses: absolute real paths. */
	readonly #places: readonly string[];
	readonly #sessions = new Set<number>();
	#since: PidMark | undefined;
	#hasStarted = false;

	constructor(places: readonly string[] = []) {
		this.#places = places;
	}

	/** Runs `work` so that what it starts belongs to this scope, and to no outer one. */
	run<T>(work: () => T): T {
		return current.run(this, work);
	}

	/** Returns the mark for a program that is about to start; counts as a start. */
	markProgram(): string {
		if (!this.#hasStarted) {
			this.#hasStarted = true;
			this.#since = process.platform === "linux" ? pidMark() : undefined;
			open.add(this);
			endOnExit();
		}
		// An AgentV that runs this process must still find its descendants.
		return (process.env[variable]?.replace(/;$/, "") ?? "") + this.#mark;
	}

	/** Records the first process of a program: it leads a group and a session. */
	addLeader(pid: number): void {
		// Outside Linux, a freed id can soon be another program's.
		if (this.#hasStarted && (process.platform === "linux" || isGroupAlive(pid))) this.#sessions.add(pid);
	}

	/**
	 * Ends everything that runs in the scope, and returns what could not be ended. Costs nothing if
	 * nothing was started. The scope can be used again.
	 */
	async end(): Promise<readonly LeftProcess[]> {
		if (!this.#hasStarted) return [];
		const left = process.platform === "linux" ? await this.#endStrays() : await this.#endSessions();
		this.#hasStarted = false;
		this.#sessions.clear();
		open.delete(this);
		return left;
	}

	async #endStrays(): Promise<readonly LeftProcess[]> {
		const started = performance.now();
		const asked = new Set<number>();
		let lastSeen = started;
		for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
			const { certain, possible, isUnsettled } = this.#find();
			const now = performance.now();
			if (certain.length > 0) lastSeen = now;
			const isDone = certain.length === 0 && (!isUnsettled || now - lastSeen > settleMs);
			if (isDone || now - started > atMostMs)
				return [...certain.map((one) => leftProcess(one, true)), ...possible.map((one) => leftProcess(one, false))];
			if (now - started > graceMs) this.#kill(certain);
			else for (const one of certain) if (!asked.has(one.pid)) signal(one, "SIGTERM");
			for (const { pid } of certain) asked.add(pid);
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}

	/** Stops all of them before it ends any, so that none has time to start another. */
	#kill(found: readonly ProcessFacts[]): void {
		const stopped = new Map<number, ProcessFacts>();
		let more = found;
		for (let round = 0; round < 20 && more.length > 0; round++) {
			for (const one of more) {
				signal(one, "SIGSTOP");
				stopped.set(one.pid, one);
			}
			more = this.#find().certain.filter(({ pid }) => !stopped.has(pid));
		}
		for (const one of [...stopped.values(), ...more]) signal(one, "SIGKILL");
	}

	#find() {
		const signs = { mark: this.#mark, variable, since: this.#since, sessions: this.#sessions };
		return findStrays({ ...signs, places: this.#places, keptGroups });
	}

	async #endSessions(): Promise<readonly LeftProcess[]> {
		await Promise.all([...this.#sessions].map((leader) => endGroup(leader, graceMs)));
		return [];
	}

	/** Ends running processes without waiting, when this process is about to exit. */
	endNow(): void {
		if (process.platform === "linux") this.#kill(this.#find().certain);
		else for (const leader of this.#sessions) killGroup(leader);
	}
}

/** Returns the environment for a program of the current scope, with the scope's mark. */
export function markedEnvironment(env: Environment): Environment {
	const scope = current.getStore();
	return scope ? { ...env, [variable]: scope.markProgram() } : env;
}

/** For a long-running program: marks what it starts during a call of the scope. */
export function markVariables(): Readonly<Record<string, string>> {
	const scope = current.getStore();
	return { [variable]: scope?.markProgram() ?? process.env[variable] ?? "" };
}

export function noteLeader(pid: number | undefined): void {
	if (pid !== undefined) current.getStore()?.addLeader(pid);
}

/** Keeps a process group running when its scope ends, until the returned function is called. */
export function keepGroup(leader: number): () => void {
	keptGroups.add(leader);
	return () => keptGroups.delete(leader);
}

function endOnExit(): void {
	if (endsWithUs) return;
	endsWithUs = true;
	process.on("exit", () => {
		for (const scope of open) scope.endNow();
	});
}

/** Ignores failures: another search shows whether the signal arrived. */
function signal({ pid }: ProcessFacts, name: NodeJS.Signals): void {
	try {
		process.kill(pid, name);
	} catch (error) {
		if (errnoCode(error) !== "ESRCH" && errnoCode(error) !== "EPERM") throw error;
	}
}

function leftProcess({ pid }: ProcessFacts, isCertain: boolean): LeftProcess {
	return { pid, command: (commandLine(pid) ?? "").slice(0, 200), isCertain };
}

/** Returns a message about a process that `who` (`the target`) left running. */
export function describeLeft({ pid, command, isCertain }: LeftProcess, who: string): string {
	const name = `process ${pid}${command === "" ? "" : ` (${command})`}`;
	return isCertain
		? `${name}, which ${who} started, could not be ended`
		: `${name} may have been started by ${who}: it started during this time, has no parent and lacks the mark in its environment`;
}
