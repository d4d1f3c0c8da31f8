import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { errnoCode } from "../files/file-error.ts";

/** Fields of `/proc/<pid>/stat`. */
export interface ProcessFacts {
	readonly pid: number;
	/** One letter: `Z` and `X` are dead, `D` is uninterruptible. */
	readonly state: string;
	readonly parent: number;
	readonly group: number;
	readonly session: number;
	/** 0 without a controlling terminal. */
	readonly terminal: number;
	/** In clock ticks since boot: together with the pid it identifies a process permanently. */
	readonly startTime: number;
}

/** Returns undefined if the process ended meanwhile or is inaccessible. */
function orUndefined<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

/** Returns the ids of all processes in `/proc`. */
export function processIds(): number[] {
	return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** Returns undefined if it is gone or a zombie. */
export function processFacts(pid: number): ProcessFacts | undefined {
	const text = orUndefined(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
	// The name is in parentheses and can contain any character, including these.
	const fields = text?.slice(text.lastIndexOf(") ") + 2).split(" ");
	const [state, parent, group, session, terminal] = fields ?? [];
	if (!fields || state === undefined || state === "Z" || state === "X") return undefined;
	return {
		...{ pid, state, parent: Number(parent), group: Number(group), session: Number(session) },
		...{ terminal: Number(terminal), startTime: Number(fields[19]) },
	};
}

/** Returns undefined if the process is gone; empty for a kernel thread. */
export function commandLine(pid: number): string | undefined {
	const text = orUndefined(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
	return text?.replaceAll("\0", " ").trim();
}

const longestEnvironment = 4 * 1024 * 1024;
let buffer = Buffer.alloc(0);

/** Returns variables separated by NUL, if readable; valid until the next call. */
export function processEnvironment(pid: number): Buffer | undefined {
	return orUndefined(() => {
		if (buffer.length === 0) buffer = Buffer.allocUnsafe(256 * 1024);
		const descriptor = openSync(`/proc/${pid}/environ`, "r");
		try {
			let length = 0;
			for (;;) {
				const read = readSync(descriptor, buffer, length, buffer.length - length, length);
				length += read;
				if (read === 0 || length >= longestEnvironment) return buffer.subarray(0, length);
				if (length === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
			}
		} finally {
			closeSync(descriptor);
		}
	});
}

/** Returns the working directory, executable and open files, if readable. */
export function processPlaces(pid: number): string[] {
	const link = (name: string) => orUndefined(() => readlinkSync(`/proc/${pid}/${name}`));
	const open = orUndefined(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
	return ["cwd", "exe", ...open.map((name) => `fd/${name}`)].flatMap((name) => link(name) ?? []);
}

/** Returns the control groups of a process, as one text. */
export function controlGroups(pid: number | "self"): string | undefined {
	return orUndefined(() => readFileSync(`/proc/${pid}/cgroup`, "latin1"));
}

/** A moment, in terms of the process ids that the kernel has assigned so far. */
export interface PidMark {
	readonly lastPid: number;
	/** Processes and threads started since boot. */
	readonly forks: number;
	/** Clock ticks since boot. */
	readonly ticks: number;
}

/** Returns the present moment; undefined if the kernel does not report it. */
export function pidMark(): PidMark | undefined {
	const load = orUndefined(() => readFileSync("/proc/loadavg", "latin1"));
	const stat = orUndefined(() => readFileSync("/proc/stat", "latin1"));
	const uptime = orUndefined(() => readFileSync("/proc/uptime", "latin1"));
	const lastPid = Number(load?.trim().split(" ").at(-1));
	const forks = Number(/^processes (\d+)$/m.exec(stat ?? "")?.[1]);
	// A hundred ticks per second are part of Linux's stable interface.
	const ticks = Math.floor(Number.parseFloat(uptime ?? "") * 100);
	return lastPid > 0 && forks > 0 && ticks > 0 ? { lastPid, forks, ticks } : undefined;
}

/** Ids in a range up to this length are probed one by one; longer ranges list all processes. */
const shortRange = 256;
let largestPid: number | undefined;

/** Rounds after which processes that started meanwhile are no longer searched. */
const mostRounds = 20;

/**
 * Yields ids of processes that may have started since `mark`, including those that start during the
 * search: a program that keeps replacing itself is found, too. Yields all ids if start times are
 * unknown.
 */
export function* processIdsSince(mark: PidMark | undefined): Generator<number> {
	let [from, to] = [mark, mark && pidMark()];
	yield* idsBetween(from, to);
	for (let round = 0; from && to && round < mostRounds; round++) {
		from = to;
		to = pidMark();
		if (!to || to.lastPid === from.lastPid) return;
		yield* idsBetween(from, to);
	}
}

/** Threads share the sequence of ids, and `/proc` resolves them without listing them. */
function isProcess(id: number): boolean {
	const status = orUndefined(() => readFileSync(`/proc/${id}/status`, "latin1"));
	return Number(/^Tgid:\s*(\d+)$/m.exec(status ?? "")?.[1]) === id;
}

/** The kernel counts ids up and wraps around, so almost all old processes can be skipped. */
function idsBetween(mark: PidMark | undefined, now: PidMark | undefined): number[] {
	if (!mark || !now || now.forks === mark.forks) return processIds();
	largestPid ??= Number(orUndefined(() => readFileSync("/proc/sys/kernel/pid_max", "latin1")) ?? 0) || 32768;
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
