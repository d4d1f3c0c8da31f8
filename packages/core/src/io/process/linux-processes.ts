import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { errnoCode } from "../files/file-error.ts";

/** What `/proc/<pid>/stat` says of a process. */
export interface ProcessFacts {
	readonly pid: number;
	/** One letter: `Z` and `X` are dead, `D` can't be interrupted. */
	readonly state: string;
	readonly parent: number;
	readonly group: number;
	readonly session: number;
	/** 0 without a controlling terminal. */
	readonly terminal: number;
	/** In clock ticks since boot: with the pid it identifies a process for good. */
	readonly startTime: number;
}

/** Calls `read` and returns undefined when the process ended meanwhile or is not ours to look at. */
function orUndefined<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

/** The ids of all processes that `/proc` shows. */
export function processIds(): number[] {
	return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** What is known of a process, or undefined when it is gone or only a zombie. */
export function processFacts(pid: number): ProcessFacts | undefined {
	const text = orUndefined(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
	// The name is in parentheses and may hold any character, these included.
	const fields = text?.slice(text.lastIndexOf(") ") + 2).split(" ");
	const [state, parent, group, session, terminal] = fields ?? [];
	if (!fields || state === undefined || state === "Z" || state === "X") return undefined;
	return {
		...{ pid, state, parent: Number(parent), group: Number(group), session: Number(session) },
		...{ terminal: Number(terminal), startTime: Number(fields[19]) },
	};
}

/** The command line as one text, or undefined when the process is gone; empty for a thread of the kernel. */
export function commandLine(pid: number): string | undefined {
	const text = orUndefined(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
	return text?.replaceAll("\0", " ").trim();
}

const longestEnvironment = 4 * 1024 * 1024;
let buffer = Buffer.alloc(0);

/**
 * The environment that a process was started with, its variables separated by NUL. Undefined when it may not be read; valid until the
 * next call.
 */
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

/** Where a process works, what it runs and which files it has open, as far as that may be looked at. */
export function processPlaces(pid: number): string[] {
	const link = (name: string) => orUndefined(() => readlinkSync(`/proc/${pid}/${name}`));
	const open = orUndefined(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
	return ["cwd", "exe", ...open.map((name) => `fd/${name}`)].flatMap((name) => link(name) ?? []);
}

/** The control groups of a process, as one text. */
export function controlGroups(pid: number | "self"): string | undefined {
	return orUndefined(() => readFileSync(`/proc/${pid}/cgroup`, "latin1"));
}

/** A moment, in terms of the process ids that the kernel has assigned until then. */
export interface PidMark {
	readonly lastPid: number;
	/** Processes and threads that were started since the machine was booted. */
	readonly forks: number;
	/** The time in clock ticks since boot. */
	readonly ticks: number;
}

/** The present moment; undefined if the kernel does not report it. */
export function pidMark(): PidMark | undefined {
	const load = orUndefined(() => readFileSync("/proc/loadavg", "latin1"));
	const stat = orUndefined(() => readFileSync("/proc/stat", "latin1"));
	const uptime = orUndefined(() => readFileSync("/proc/uptime", "latin1"));
	const lastPid = Number(load?.trim().split(" ").at(-1));
	const forks = Number(/^processes (\d+)$/m.exec(stat ?? "")?.[1]);
	// A hundred ticks a second are part of what Linux promises to programs.
	const ticks = Math.floor(Number.parseFloat(uptime ?? "") * 100);
	return lastPid > 0 && forks > 0 && ticks > 0 ? { lastPid, forks, ticks } : undefined;
}

/** Ids are looked for one by one in a range up to this length, in a longer one by listing all processes. */
const shortRange = 256;
let largestPid: number | undefined;

/** Rounds after which ids of processes that began meanwhile are not looked for any more. */
const mostRounds = 20;

/**
 * The ids of processes that may have been started since `mark`, those that begin meanwhile included: a program that is replaced by a
 * new one all the time is found, too. All ids if it can't be known when a process began.
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

/** Whether an id is that of a process; threads have ids of the same sequence, and `/proc` answers for them although it does not list them. */
function isProcess(id: number): boolean {
	const status = orUndefined(() => readFileSync(`/proc/${id}/status`, "latin1"));
	return Number(/^Tgid:\s*(\d+)$/m.exec(status ?? "")?.[1]) === id;
}

/** The kernel counts ids up and begins again at the end, so that almost all old processes need no look. */
function idsBetween(mark: PidMark | undefined, now: PidMark | undefined): number[] {
	if (!mark || !now || now.forks === mark.forks) return processIds();
	largestPid ??= Number(orUndefined(() => readFileSync("/proc/sys/kernel/pid_max", "latin1")) ?? 0) || 32768;
	// Ids in use are skipped, so that a round may take fewer steps than there are ids.
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
