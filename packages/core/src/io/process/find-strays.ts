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

/** How to recognize the processes of a piece of work. */
export interface StraySigns {
	/** In the environment of each process that did not clear it. */
	readonly mark: string;
	/** Set for every process of any AgentV: another mark means other work. */
	readonly variable: string;
	/** When the work started. */
	readonly since: PidMark | undefined;
	/** Sessions that were opened for its programs: a process leaves them only by opening its own. */
	readonly sessions: ReadonlySet<number>;
	/** Directories that only this work uses: absolute real paths. */
	readonly places: readonly string[];
	/** Process groups that outlive the work. */
	readonly keptGroups: ReadonlySet<number>;
}

export interface Strays {
	readonly certain: readonly ProcessFacts[];
	/** Orphans without a mark that started meanwhile, so that their origin is unknown. */
	readonly possible: readonly ProcessFacts[];
	/** Whether one has no environment, as a process has for a moment during exec. */
	readonly isUnsettled: boolean;
}

/** Finds the running processes that a piece of work started, on Linux. */
export function findStrays(signs: StraySigns): Strays {
	const certain = new Map<number, ProcessFacts>();
	const unmarked = new Map<number, ProcessFacts>();
	// Inspect each before the next id: what it starts before it ends gets a later id.
	for (const pid of processIdsSince(signs.since)) {
		const facts = pid === process.pid ? undefined : processFacts(pid);
		// The kernel reuses ids: an old process can have one that looks new.
		if (!facts || facts.startTime < (signs.since?.ticks ?? 0) || signs.keptGroups.has(facts.group)) continue;
		const environment = processEnvironment(facts.pid);
		if (environment?.includes(signs.mark) || signs.sessions.has(facts.session)) certain.set(facts.pid, facts);
		else if (!environment?.includes(`${signs.variable}=`)) unmarked.set(facts.pid, facts);
	}
	const orphans = [...unmarked.values()].filter((facts) => isOrphan(facts, unmarked));
	for (const facts of orphans) if (isIn(signs.places, facts.pid)) certain.set(facts.pid, facts);
	addDescendants(certain, unmarked);
	// If it is unknown which processes are new, every old one would look like one of these.
	const possible = signs.since === undefined ? [] : orphans.filter(({ pid }) => !certain.has(pid));
	const isUnsettled = possible.some(({ pid }) => processEnvironment(pid)?.length === 0);
	return { certain: [...certain.values()], possible, isUnsettled };
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
 * (or a subreaper above us), as daemons do. Those of a terminal or of another control group are not
 * ours.
 */
function isOrphan(facts: ProcessFacts, unmarked: ReadonlyMap<number, ProcessFacts>): boolean {
	// A session that includes us was not opened by one of our programs. Its leader can be gone or in
	// another namespace.
	ownSession ??= processFacts(process.pid)?.session ?? 0;
	const isOurs = facts.terminal !== 0 || facts.session === ownSession;
	if (isOurs || !(unmarked.has(facts.session) || processFacts(facts.session) === undefined)) return false;
	let top = facts;
	for (let next = unmarked.get(top.parent); next; next = unmarked.get(top.parent)) top = next;
	return adopters().has(top.parent) && controlGroups(facts.pid) === controlGroups("self");
}

let ownSession: number | undefined;
let ours: ReadonlySet<number> | undefined;

/** Returns processes that can adopt our orphans: init, and our own ancestors. */
function adopters(): ReadonlySet<number> {
	if (ours) return ours;
	const found = new Set([1]);
	for (let pid = process.ppid; pid > 1 && !found.has(pid); pid = processFacts(pid)?.parent ?? 0) found.add(pid);
	ours = found;
	return found;
}

function isIn(places: readonly string[], pid: number): boolean {
	// A file that was removed meanwhile keeps its path, with a suffix.
	const used = processPlaces(pid).map((path) => path.replace(/ \(deleted\)$/, ""));
	return places.some((place) => used.some((path) => isInside(place, path)));
}
