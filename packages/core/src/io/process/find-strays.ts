import { isInside } from "../files/path-inside.ts";
import {
	controlGroups,
	type PidMark,
	type ProcessFacts,
	processEnvironment,
	processFacts,
	processIdsSince,
	processPlaces,
} from "./linux-processes.ts";

/** By what the processes that belong to some piece of work are known. */
export interface StraySigns {
	/** In the environment of each that did not clear it. */
	readonly mark: string;
	/** In the environment of all processes that any AgentV started: a process with another mark belongs to other work. */
	readonly variable: string;
	/** When the work began. */
	readonly since: PidMark | undefined;
	/** Sessions that were opened for its programs: only a process that opens its own leaves them. */
	readonly sessions: ReadonlySet<number>;
	/** Directories that nothing else uses: absolute real paths. */
	readonly places: readonly string[];
	/** Process groups that live longer than the work. */
	readonly keptGroups: ReadonlySet<number>;
}

export interface Strays {
	/** Those that certainly belong to the work. */
	readonly certain: readonly ProcessFacts[];
	/** Orphans that began meanwhile without any mark, so that it can't be known what started them. */
	readonly possible: readonly ProcessFacts[];
	/** Whether one of these has no environment at all, as a process has for a moment while it starts another program. */
	readonly isUnsettled: boolean;
}

/** Finds the processes that a piece of work started and that still run, on Linux. */
export function findStrays(signs: StraySigns): Strays {
	const certain = new Map<number, ProcessFacts>();
	const unmarked = new Map<number, ProcessFacts>();
	// Each is looked at before the next id is asked for: what it starts before it ends gets a later id.
	for (const pid of processIdsSince(signs.since)) {
		const facts = pid === process.pid ? undefined : processFacts(pid);
		// The kernel reuses ids: an old process may have one that looks new.
		if (!facts || facts.startTime < (signs.since?.ticks ?? 0) || signs.keptGroups.has(facts.group)) continue;
		const environment = processEnvironment(facts.pid);
		if (environment?.includes(signs.mark) || signs.sessions.has(facts.session)) certain.set(facts.pid, facts);
		else if (!environment?.includes(`${signs.variable}=`)) unmarked.set(facts.pid, facts);
	}
	const orphans = [...unmarked.values()].filter((facts) => isOrphan(facts, unmarked));
	for (const facts of orphans) if (isIn(signs.places, facts.pid)) certain.set(facts.pid, facts);
	addDescendants(certain, unmarked);
	// If it is not known which processes are new, every old one would look like one of these.
	const possible = signs.since === undefined ? [] : orphans.filter(({ pid }) => !certain.has(pid));
	const isUnsettled = possible.some(({ pid }) => processEnvironment(pid)?.length === 0);
	return { certain: [...certain.values()], possible, isUnsettled };
}

/** Children that cleared their environment belong to whom their parent belongs to. */
function addDescendants(certain: Map<number, ProcessFacts>, unmarked: ReadonlyMap<number, ProcessFacts>): void {
	for (let count = -1; count !== certain.size; ) {
		count = certain.size;
		for (const facts of unmarked.values()) if (certain.has(facts.parent)) certain.set(facts.pid, facts);
	}
}

/**
 * Whether a process opened a session of its own, or its parent did, and was then left to init (or to the process above us that adopts orphans):
 * what daemons do. Those of a terminal or of another control group are somebody else's.
 */
function isOrphan(facts: ProcessFacts, unmarked: ReadonlyMap<number, ProcessFacts>): boolean {
	// A session that we are in, too, was not opened by a program of ours. Its leader may be gone or in another namespace.
	ownSession ??= processFacts(process.pid)?.session ?? 0;
	const isOurs = facts.terminal !== 0 || facts.session === ownSession;
	if (isOurs || !(unmarked.has(facts.session) || processFacts(facts.session) === undefined)) return false;
	let top = facts;
	for (let next = unmarked.get(top.parent); next; next = unmarked.get(top.parent)) top = next;
	return adopters().has(top.parent) && controlGroups(facts.pid) === controlGroups("self");
}

let ownSession: number | undefined;
let ours: ReadonlySet<number> | undefined;

/** Processes that our orphans may be left to: init, and our own ancestors. */
function adopters(): ReadonlySet<number> {
	if (ours) return ours;
	const found = new Set([1]);
	for (let pid = process.ppid; pid > 1 && !found.has(pid); pid = processFacts(pid)?.parent ?? 0) found.add(pid);
	ours = found;
	return found;
}

function isIn(places: readonly string[], pid: number): boolean {
	// A file that was removed meanwhile keeps its path, with a remark.
	const used = processPlaces(pid).map((path) => path.replace(/ \(deleted\)$/, ""));
	return places.some((place) => used.some((path) => isInside(place, path)));
}
