import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Environment } from "./environment.ts";
import { errnoCode, ifPossible, isInside } from "./files.ts";

/** Leaders of groups that are ended when this process exits. */
const running = new Set<number>();
let groupsEndWithUs = false;

/** Returns whether the signal was sent. @param target a process, or a negative group leader */
function send(target: number, signal: NodeJS.Signals | 0): boolean {
	try {
		return process.kill(target, signal);
	} catch (error) {
		// EPERM: the process changed its user; it exists, but can't be ended.
		if (errnoCode(error) === "ESRCH" || errnoCode(error) === "EPERM") return false;
		throw error;
	}
}

/** The group is killed if this process exits before `forgetGroup`. */
export function trackGroup(leader: number): void {
	running.add(leader);
	if (groupsEndWithUs) return;
	groupsEndWithUs = true;
	process.on("exit", () => {
		for (const group of running) signalGroup(group, "SIGKILL");
	});
}

export function forgetGroup(leader: number): void {
	running.delete(leader);
}

/** Zombies that init is slow to reap count as gone, if the system can tell. */
function isGroupAlive(leader: number): boolean {
	if (process.platform === "win32" || !send(-leader, 0)) return false;
	return process.platform !== "linux" || processIds().some((pid) => processFacts(pid)?.group === leader);
}

/** On Windows every process is ended. */
function signalGroup(leader: number, signal: "SIGTERM" | "SIGKILL"): void {
	if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(leader), "/T", "/F"], { stdio: "ignore" });
	else send(-leader, signal);
}

async function groupEnded(leader: number, waitMs: number): Promise<boolean> {
	const until = performance.now() + waitMs;
	for (let pause = 2; isGroupAlive(leader); pause = Math.min(pause * 2, 50)) {
		if (performance.now() >= until) return false;
		await sleep(pause);
	}
	return true;
}

/** Sends SIGTERM to the group, and SIGKILL to what is left after `graceMs`. */
export async function endGroup(leader: number, graceMs: number): Promise<void> {
	signalGroup(leader, "SIGTERM");
	if (await groupEnded(leader, graceMs)) return;
	signalGroup(leader, "SIGKILL");
	// What is left is an unreaped zombie, or stuck in the kernel: not worth waiting for.
	await groupEnded(leader, 500);
}

interface Stray {
	readonly pid: number;
	readonly leadsGroup: boolean;
}

/**
 * Ends processes that a killed AgentV left running: those whose command line contains `marker`, a
 * text that only AgentV sets. Resolves when they are gone, or after 5 seconds.
 */
export async function endStrays(marker: string): Promise<number> {
	let ended = 0;
	const until = performance.now() + 5000;
	for (;;) {
		const strays = markedStrays(marker);
		if (strays.length === 0 || performance.now() > until) return ended;
		if (ended === 0) ended = strays.length;
		// A leader of one of AgentV's groups takes its helpers with it; any other group can contain
		// the
		// user's processes.
		for (const { pid, leadsGroup } of strays) send(leadsGroup ? -pid : pid, "SIGKILL");
		await sleep(20);
	}
}

function markedStrays(marker: string): Stray[] {
	const all = process.platform === "linux" ? linuxProcesses() : listedProcesses();
	return [...all].filter(({ pid, args }) => pid !== process.pid && args.includes(marker));
}

function* linuxProcesses(): Generator<Stray & { readonly args: string }> {
	for (const pid of processIds()) {
		const args = commandLine(pid);
		if (args) yield { pid, leadsGroup: processFacts(pid)?.group === pid, args };
	}
}

function* listedProcesses(): Generator<Stray & { readonly args: string }> {
	const list = execFileSync("ps", ["-Ao", "pid=,pgid=,args="], { encoding: "utf8", maxBuffer: 2 ** 26 });
	for (const line of list.split("\n")) {
		const match = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line);
		if (match?.[3] !== undefined) yield { pid: Number(match[1]), leadsGroup: match[1] === match[2], args: match[3] };
	}
}

interface ProcessFacts {
	readonly pid: number;
	readonly parent: number;
	readonly group: number;
	readonly session: number;
	/** 0 without a controlling terminal. */
	readonly terminal: number;
	/** In clock ticks since boot: together with the pid it identifies a process permanently. */
	readonly startTime: number;
}

function processIds(): number[] {
	return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Returns undefined if it is gone, inaccessible or a zombie. */
export function processFacts(pid: number | "self"): ProcessFacts | undefined {
	const text = ifPossible(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
	if (text === undefined) return undefined;
	// The name is in parentheses and can contain any character, including these.
	const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
	const [state, parent, group, session, terminal] = fields;
	if (state === "Z" || state === "X") return undefined;
	return {
		...{ pid: Number(text.split(" ", 1)[0]), parent: Number(parent), group: Number(group) },
		...{ session: Number(session), terminal: Number(terminal), startTime: Number(fields[19]) },
	};
}

/** Returns undefined if the process is gone; empty for a kernel thread. */
function commandLine(pid: number): string | undefined {
	const text = ifPossible(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
	return text?.replaceAll("\0", " ").trim();
}

const maxEnvironment = 4 * 1024 * 1024;
let buffer = Buffer.alloc(0);

/** Separated by NUL, if readable; valid until the next call. */
function processEnvironment(pid: number): Buffer | undefined {
	return ifPossible(() => {
		if (buffer.length === 0) buffer = Buffer.allocUnsafe(256 * 1024);
		const descriptor = openSync(`/proc/${pid}/environ`, "r");
		try {
			let length = 0;
			for (;;) {
				const read = readSync(descriptor, buffer, length, buffer.length - length, length);
				length += read;
				if (read === 0 || length >= maxEnvironment) return buffer.subarray(0, length);
				if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
			}
		} finally {
			closeSync(descriptor);
		}
	});
}

function processPlaces(pid: number): string[] {
	const link = (name: string) => ifPossible(() => readlinkSync(`/proc/${pid}/${name}`));
	const open = ifPossible(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
	return ["cwd", "exe", ...open.map((name) => `fd/${name}`)].flatMap((name) => link(name) ?? []);
}

function controlGroups(pid: number | "self"): string | undefined {
	return ifPossible(() => readFileSync(`/proc/${pid}/cgroup`, "latin1"));
}

/** A moment, in terms of the process ids that the kernel has assigned so far. */
interface PidMark {
	readonly lastPid: number;
	readonly forks: number;
	/** Since boot. */
	readonly ticks: number;
}

/** Returns undefined if the kernel does not report it. */
export function pidMark(): PidMark | undefined {
	const load = ifPossible(() => readFileSync("/proc/loadavg", "latin1"));
	const stat = ifPossible(() => readFileSync("/proc/stat", "latin1"));
	const uptime = ifPossible(() => readFileSync("/proc/uptime", "latin1"));
	const lastPid = Number(load?.trim().split(" ").at(-1));
	const forks = Number(/^processes (\d+)$/m.exec(stat ?? "")?.[1]);
	// A hundred ticks per second are part of Linux's stable interface.
	const ticks = Math.floor(Number.parseFloat(uptime ?? "") * 100);
	return lastPid > 0 && forks > 0 && ticks > 0 ? { lastPid, forks, ticks } : undefined;
}

/** Ids in a range up to this length are probed one by one; longer ranges list all processes. */
const shortRange = 256;
let largestPid: number | undefined;

/** After this many rounds, processes that started meanwhile are no longer searched. */
const maxRounds = 20;

/**
 * Includes processes that start during the search: a program that keeps replacing itself is found,
 * too. Yields all ids if start times are unknown.
 */
export function* processIdsSince(mark: PidMark | undefined): Generator<number> {
	let [from, to] = [mark, mark && pidMark()];
	yield* idsBetween(from, to);
	for (let round = 0; from && to && round < maxRounds; round++) {
		from = to;
		to = pidMark();
		if (!to || to.lastPid === from.lastPid) return;
		yield* idsBetween(from, to);
	}
}

/** Threads share the sequence of ids, and `/proc` resolves them without listing them. */
function isProcess(id: number): boolean {
	const status = ifPossible(() => readFileSync(`/proc/${id}/status`, "latin1"));
	return Number(/^Tgid:\s*(\d+)$/m.exec(status ?? "")?.[1]) === id;
}

/** The kernel counts ids up and wraps around, so almost all old processes can be skipped. */
function idsBetween(mark: PidMark | undefined, now: PidMark | undefined): number[] {
	if (!mark || !now || now.forks === mark.forks) return processIds();
	largestPid ??= Number(ifPossible(() => readFileSync("/proc/sys/kernel/pid_max", "latin1")) ?? 0) || 32768;
	// Ids in use are skipped, so a full cycle can take fewer steps than there are ids.
	if (now.forks - mark.forks > largestPid / 4) return processIds();
	const isRound = now.lastPid <= mark.lastPid;
	const length = now.lastPid - mark.lastPid;
	if (!isRound && length <= shortRange) {
		const range = Array.from({ length }, (_, index) => mark.lastPid + 1 + index);
		return range.filter(isProcess);
	}
	return processIds().filter((pid) =>
		isRound ? pid > mark.lastPid || pid <= now.lastPid : pid > mark.lastPid && pid <= now.lastPid,
	);
}

/** Adds children that cleared their environment: they belong to the work of their parent. */
function addDescendants(certain: Map<number, ProcessFacts>, unmarked: ReadonlyMap<number, ProcessFacts>): void {
	for (let count = -1; count !== certain.size; ) {
		count = certain.size;
		for (const facts of unmarked.values()) if (certain.has(facts.parent)) certain.set(facts.pid, facts);
	}
}

/**
 * Returns whether a process, or its parent, opened its own session and was then reparented to init
 * (or a subreaper above AgentV), as daemons do. Processes of a terminal or of another control group
 * don't belong to the scope.
 */
function isOrphan(facts: ProcessFacts, unmarked: ReadonlyMap<number, ProcessFacts>): boolean {
	// A session that includes this process was not opened by a program of the scope. Its leader can
	// be
	// gone or in another namespace.
	ownSession ??= processFacts(process.pid)?.session ?? 0;
	const isOurs = facts.terminal !== 0 || facts.session === ownSession;
	if (isOurs || !(unmarked.has(facts.session) || processFacts(facts.session) === undefined)) return false;
	let top = facts;
	for (let next = unmarked.get(top.parent); next; next = unmarked.get(top.parent)) top = next;
	return adopters().has(top.parent) && controlGroups(facts.pid) === controlGroups("self");
}

let ownSession: number | undefined;
let ours: ReadonlySet<number> | undefined;

function adopters(): ReadonlySet<number> {
	if (ours) return ours;
	const ids = new Set([1]);
	for (let pid = process.ppid; pid > 1 && !ids.has(pid); pid = processFacts(pid)?.parent ?? 0) ids.add(pid);
	ours = ids;
	return ids;
}

function isIn(places: readonly string[], pid: number): boolean {
	// A file that was removed meanwhile keeps its path, with a suffix.
	const used = processPlaces(pid).map((path) => path.replace(/ \(deleted\)$/, ""));
	return places.some((place) => used.some((path) => isInside(place, path)));
}

/** Contains the marks of all scopes around a process, including an outer AgentV's. */
const variable = "_AGENTV_PROCESS_MARK";
const ownMark = `${randomBytes(8).toString("hex")}.`;

const current = new AsyncLocalStorage<ProcessScope>();
/** These may have running processes; ended when this process exits. */
const open = new Set<ProcessScope>();
/** These outlive their scope, until the caller that keeps them ends them. */
const keptGroups = new Set<number>();
let count = 0;
let endsWithUs = false;

interface LeftProcess {
	readonly pid: number;
	/** Empty if unknown. */
	readonly command: string;
	readonly isCertain: boolean;
}

/** Between SIGTERM and SIGKILL. */
const graceMs = 500;
/** Until the environment of a process after exec is visible. */
const settleMs = 300;
/** For fast-forking programs and processes stuck in the kernel. */
const atMostMs = 3000;

/**
 * A piece of work whose processes all end with it, including those that left their process group
 * and session: every program that `runOneOfMany` starts during the work has a mark in its
 * environment, which its descendants inherit. On Linux they are found by that mark, by their parent
 * or session, or by their working directory; elsewhere only the process groups of the programs
 * themselves are ended.
 * @example
 * const scope = new ProcessScope([workspace]);
 * const answer = await scope.run(() => ask());
 * const left = await scope.end();
 */
export class ProcessScope {
	readonly #mark = `;${ownMark}${++count};`;
	/** Only this work uses these directories. Absolute real paths. */
	readonly #places: readonly string[];
	/** A process leaves the session of its program only by opening its own. */
	readonly #sessions = new Set<number>();
	#since: PidMark | undefined;
	#hasStarted = false;

	constructor(places: readonly string[] = []) {
		this.#places = places;
	}

	/** What `work` starts belongs to this scope, and to no outer one. */
	run<T>(work: () => T): T {
		return current.run(this, work);
	}

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

	addLeader(pid: number): void {
		// Outside Linux, a freed id can soon be another program's.
		if (this.#hasStarted && (process.platform === "linux" || isGroupAlive(pid))) this.#sessions.add(pid);
	}

	/** Returns what could not be ended. The scope can be used again. */
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
		const signalled = new Set<number>();
		let lastSeen = started;
		for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
			const { certain, possible, isUnsettled } = this.#find();
			const now = performance.now();
			if (certain.length > 0) lastSeen = now;
			const isDone = certain.length === 0 && (!isUnsettled || now - lastSeen > settleMs);
			if (isDone || now - started > atMostMs)
				return [
					...certain.map((facts) => leftProcess(facts, true)),
					...possible.map((facts) => leftProcess(facts, false)),
				];
			if (now - started > graceMs) this.#kill(certain);
			else for (const facts of certain) if (!signalled.has(facts.pid)) send(facts.pid, "SIGTERM");
			for (const { pid } of certain) signalled.add(pid);
			await sleep(pause);
		}
	}

	/** Stops all of them before it ends any, so that none has time to start another. */
	#kill(found: readonly ProcessFacts[]): void {
		const stopped = new Map<number, ProcessFacts>();
		let more = found;
		for (let round = 0; round < 20 && more.length > 0; round++) {
			for (const facts of more) {
				send(facts.pid, "SIGSTOP");
				stopped.set(facts.pid, facts);
			}
			more = this.#find().certain.filter(({ pid }) => !stopped.has(pid));
		}
		for (const { pid } of [...stopped.values(), ...more]) send(pid, "SIGKILL");
	}

	/** Works only on Linux; `possible` ones are orphans whose origin is unknown. */
	#find() {
		const certain = new Map<number, ProcessFacts>();
		const unmarked = new Map<number, ProcessFacts>();
		// Inspect each before the next id: what it starts before it ends gets a later id.
		for (const pid of processIdsSince(this.#since)) {
			const facts = pid === process.pid ? undefined : processFacts(pid);
			// The kernel reuses ids: an old process can have one that looks new.
			if (!facts || facts.startTime < (this.#since?.ticks ?? 0) || keptGroups.has(facts.group)) continue;
			const environment = processEnvironment(facts.pid);
			if (environment?.includes(this.#mark) || this.#sessions.has(facts.session)) certain.set(facts.pid, facts);
			// Another mark means other work, of any AgentV.
			else if (!environment?.includes(`${variable}=`)) unmarked.set(facts.pid, facts);
		}
		const orphans = [...unmarked.values()].filter((facts) => isOrphan(facts, unmarked));
		for (const facts of orphans) if (isIn(this.#places, facts.pid)) certain.set(facts.pid, facts);
		addDescendants(certain, unmarked);
		// If it is unknown which processes are new, every old one would look like one of these.
		const possible = this.#since === undefined ? [] : orphans.filter(({ pid }) => !certain.has(pid));
		// A process has no environment for a moment during exec.
		const isUnsettled = possible.some(({ pid }) => processEnvironment(pid)?.length === 0);
		return { certain: [...certain.values()], possible, isUnsettled };
	}

	async #endSessions(): Promise<readonly LeftProcess[]> {
		await Promise.all([...this.#sessions].map((leader) => endGroup(leader, graceMs)));
		return [];
	}

	/** Doesn't wait, because this process is about to exit. */
	endNow(): void {
		if (process.platform === "linux") this.#kill(this.#find().certain);
		else for (const leader of this.#sessions) signalGroup(leader, "SIGKILL");
	}
}

export function markedEnvironment(env: Environment): Environment {
	const scope = current.getStore();
	return scope ? { ...env, [variable]: scope.markProgram() } : env;
}

/** Marks what a long-running program starts during a call of the scope. */
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

function leftProcess({ pid }: ProcessFacts, isCertain: boolean): LeftProcess {
	return { pid, command: (commandLine(pid) ?? "").slice(0, 200), isCertain };
}

export function describeLeft({ pid, command, isCertain }: LeftProcess, who: string): string {
	const name = `process ${pid}${command === "" ? "" : ` (${command})`}`;
	return isCertain
		? `${name}, which ${who} started, could not be ended`
		: `${name} may have been started by ${who}: it started during this time, has no parent and lacks the mark in its environment`;
}
