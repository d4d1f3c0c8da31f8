import { hash, randomBytes } from "node:crypto";
import {
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	realpathSync,
	renameSync,
	rmdirSync,
	rmSync,
	statSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { isOurs } from "./environment.ts";
import {
	atPath,
	directoryEntries,
	errnoCode,
	fileError,
	ifPossible,
	pathKind,
	removeTree,
	systemPath,
	targetKind,
} from "./files.ts";
import { endStrays, processFacts } from "./process-scope.ts";

/** Sorted; empty for a missing directory. @throws AgentvError */
export function listDirectory(path: string): string[] {
	try {
		return readdirSync(path).sort();
	} catch (error) {
		if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
		throw fileError(path, error);
	}
}

/** Creates parents with `mode`, too; an existing directory is fine. @throws AgentvError */
export function makeDirectory(path: string, options: { readonly mode?: number } = {}): void {
	try {
		makeDirectories(path, options.mode);
	} catch (error) {
		const other = standingInTheWay(path);
		if (other !== undefined) throw new AgentvError("config", `${other} is not a directory`, { cause: error });
		throw fileError(path, error);
	}
}

function standingInTheWay(path: string): string | undefined {
	for (let at = path; ; at = dirname(at)) {
		if (pathKind(at) !== "missing") return targetKind(at) === "directory" ? undefined : at;
		if (dirname(at) === at) return undefined;
	}
}

/**
 * Creates a directory and its parents one by one, because Node's recursive call never ends below
 * `/proc`. Returns whether it is new. `mode` applies to created directories.
 * @throws AgentvError
 */
export function makeDirectories(path: string, mode?: number): boolean {
	return atPath(path, () => make(path, mode));
}

function make(path: string, mode: number | undefined): boolean {
	try {
		return makeOne(path, mode);
	} catch (error) {
		const parent = dirname(path);
		if (errnoCode(error) !== "ENOENT" || parent === path) throw error;
		make(parent, mode);
		return makeOne(path, mode);
	}
}

function makeOne(path: string, mode: number | undefined): boolean {
	try {
		mkdirSync(systemPath(path), mode === undefined ? {} : { mode });
		return true;
	} catch (error) {
		// A read-only file system reports this for existing directories, too.
		if (
			["EEXIST", "EROFS", "EACCES", "EPERM", "EISDIR"].includes(errnoCode(error) ?? "") &&
			ifPossible(() => statSync(systemPath(path)).isDirectory(), false)
		)
			return false;
		throw error;
	}
}

/** Keeps a directory open, so that no other one can get its inode. */
export class HeldDirectory {
	#descriptor: number | undefined;
	readonly #identity: string | undefined;

	/** Also accepts a missing path. Call `release` at the end. */
	constructor(path: string) {
		try {
			const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
			this.#descriptor = openSync(path, flags);
			const { dev, ino } = fstatSync(this.#descriptor, { bigint: true });
			this.#identity = `${dev}:${ino}`;
		} catch (error) {
			if (errnoCode(error) === undefined) throw error;
			this.#identity = identityOf(path);
		}
	}

	isAt(path: string): boolean {
		return identityOf(path) === this.#identity;
	}

	release(): void {
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
	}
}

function identityOf(path: string): string | undefined {
	return ifPossible(() => {
		const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
		return stat && `${stat.dev}:${stat.ino}`;
	});
}

/** Returns whether the directory is gone. */
export function removeEmptyDirectory(path: string): boolean {
	try {
		rmdirSync(systemPath(path));
		return true;
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
		return errnoCode(error) === "ENOENT";
	}
}

export function systemTempDir(): string {
	return tmpdir();
}

/**
 * Creates a new private directory below `parent`, which is created if needed, or in the system's
 * temporary directory under a name with its owner. Returns its real path.
 */
export function makeTempDir(prefix: string, parent?: string): string {
	const where = parent ?? systemTempDir();
	return atPath(where, () => {
		makeDirectories(where);
		if (parent === undefined) return makeOwnedDir(join(where, prefix));
		return realpathSync(mkdtempSync(join(where, prefix)));
	});
}

export function makeOwnedDir(prefix: string): string {
	const path = `${prefix}${uniqueTag()}`;
	return atPath(path, () => {
		mkdirSync(path, { mode: 0o700 });
		return realpathSync(path);
	});
}

export async function withTempDir<T>(prefix: string, work: (path: string) => Promise<T>, parent?: string): Promise<T> {
	const path = makeTempDir(prefix, parent);
	try {
		return await work(path);
	} finally {
		await removeTree(path);
	}
}

export interface Scratch {
	/** Absolute; may not exist yet. */
	readonly path: string;
	make(): string;
}

export interface LockOwner {
	readonly token: string;
	readonly pid: number;
	/** In the system's own units, if known; process ids are reused, this is not. */
	readonly started: string | undefined;
	/** Host name and, if known, the namespace of the process id. */
	readonly machine: string;
	/** Changes when the machine reboots. */
	readonly boot: string | undefined;
}

/** Only Linux has /proc; elsewhere, and for a process that is gone, nothing is known. */
function startOf(pid: number | "self"): string | undefined {
	return processFacts(pid)?.startTime.toString();
}

let self: Omit<LockOwner, "token"> | undefined;

export function ourselves(token: string): LockOwner {
	self ??= {
		pid: process.pid,
		started: startOf("self"),
		machine: `${hostname()} ${ifPossible(() => readlinkSync("/proc/self/ns/pid")) ?? ""}`.trim(),
		boot: ifPossible(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))?.trim(),
	};
	return { token, ...self };
}

export type OwnerState = "alive" | "dead" | "elsewhere";

/** `elsewhere`: on another machine or in another container, where it can't be checked. */
export function ownerState(owner: LockOwner): OwnerState {
	return stateAt(placeOf(owner), placeOf(ourselves("")), owner.pid, owner.started);
}

type Place = readonly [host: string, namespace: string, boot: string];

function placeOf({ machine, boot = "" }: LockOwner): Place {
	return [machine.split(" ")[0] ?? "", machine, boot];
}

function stateAt(place: Place, ours: Place, pid: number, started: string | undefined): OwnerState {
	if (place[0] === ours[0] && place[2] !== ours[2]) return "dead";
	if (place[0] !== ours[0] || place[1] !== ours[1]) return "elsewhere";
	if (started !== undefined) return startOf(pid) === started ? "alive" : "dead";
	try {
		process.kill(pid, 0);
		return "alive";
	} catch (error) {
		return errnoCode(error) === "ESRCH" ? "dead" : "alive";
	}
}

/** Host, process namespace and boot as four digits each, the process id and its start. */
const ownerTagPattern = "[0-9a-f]{12}-[0-9a-z]+-[0-9a-z]+";

let tag: string | undefined;

export function ownerTag(): string {
	if (tag !== undefined) return tag;
	const { pid, started = "0" } = ourselves("");
	tag = `${placeTags().join("")}-${pid.toString(36)}-${Number(started).toString(36)}`;
	return tag;
}

function tagState(text: string): OwnerState {
	const [tags = "", pid = "", started = ""] = text.split("-");
	const place = [tags.slice(0, 4), tags.slice(4, 8), tags.slice(8)] as const;
	const start = Number.parseInt(started, 36);
	return stateAt(place, placeTags(), Number.parseInt(pid, 36), start === 0 ? undefined : String(start));
}

function placeTags(): Place {
	const short = (value: string) => hash("sha256", value, "hex").slice(0, 4);
	const [host, namespace, boot] = placeOf(ourselves(""));
	return [short(host), short(namespace), short(boot)];
}

// Temporary names contain their owner, which distinguishes leftovers of a killed process from files
// that a running one is writing, and from the user's files.

const pattern = new RegExp(
	`^(\\.(.*)\\.agentv|agentv-[a-z]+|\\.agentv-clone-.*)-(${ownerTagPattern})-[0-9a-f]{8}(\\.tmp|\\.former)?$`,
	"s",
);

/** If a process can't be checked, files untouched for this long are leftovers. */
const silentForMs = 24 * 60 * 60_000;

/** Between sweeps of one directory. */
const pauseMs = 2_000;
const lookedAt = new Map<string, number>();

/** Returns a temporary name next to `target`, and removes such files of killed processes. */
export function besideName(target: string): string {
	const directory = dirname(target);
	const now = performance.now();
	if (now - (lookedAt.get(directory) ?? Number.NEGATIVE_INFINITY) > pauseMs) {
		if (lookedAt.size > 1_000) lookedAt.clear();
		lookedAt.set(directory, now);
		sweepStagedFiles(directory);
	}
	return join(directory, `.${cutName(basename(target))}.agentv-${uniqueTag()}.tmp`);
}

/** The directory `target` is moved there while it is replaced. */
export function formerName(target: string): string {
	return besideName(target).replace(/\.tmp$/, ".former");
}

export function uniqueTag(): string {
	return `${ownerTag()}-${randomBytes(4).toString("hex")}`;
}

/** Only AgentV creates such names. Their owner may still be running. */
export function isStagedName(name: string): boolean {
	return pattern.test(name);
}

/** Returns the owner's process id, `left` if it has ended; undefined for other names. */
export function stagedState(path: string): { readonly pid: number } | "left" | undefined {
	const owner = pattern.exec(basename(path))?.[3];
	if (owner === undefined || !isOurs(path)) return undefined;
	const state = tagState(owner);
	const isLeft = state === "dead" || (state === "elsewhere" && ageOf(path) > silentForMs);
	return isLeft ? "left" : { pid: Number.parseInt(owner.split("-")[1] ?? "", 36) };
}

/** Best effort: files that can't be removed stay. */
export function sweepStagedFiles(directory: string): void {
	for (const [name, kind] of directoryEntries(directory) ?? []) {
		const path = join(directory, name);
		if (kind === "file" && stagedState(path) === "left") removeQuietly(path);
	}
}

/** Moves back a directory that was moved away but not replaced, and ends leftover processes. */
export async function sweepStaged(directory: string): Promise<void> {
	for (const [name, kind] of directoryEntries(directory) ?? []) {
		const path = join(directory, name);
		if ((kind !== "file" && kind !== "directory") || stagedState(path) !== "left") continue;
		if (name.endsWith(".former") && bringBack(directory, name)) continue;
		if (kind === "file") removeQuietly(path);
		else await removeLeft(path);
	}
}

async function removeLeft(path: string): Promise<void> {
	await endStrays(path);
	try {
		await removeTree(path);
	} catch (error) {
		// Another process may be removing it; leftovers must not stop a command.
		if (!(error instanceof AgentvError)) throw error;
	}
}

/** Returns whether to keep what was moved away: it is back at its path, or its path is unknown. */
function bringBack(directory: string, name: string): boolean {
	const goal = pattern.exec(name)?.[2];
	// A repository could contain such names to have a hidden file put where git refuses it, for
	// example `.git`.
	if (goal === undefined || goal.startsWith(".") || goal.length >= maxNameLength) return true;
	if (pathKind(join(directory, goal)) !== "missing") return false;
	ifPossible(() => renameSync(join(directory, name), join(directory, goal)));
	return true;
}

function removeQuietly(path: string): void {
	ifPossible(() => rmSync(path, { force: true }));
}

/** In milliseconds since the last change; 0 for a missing path. */
export function ageOf(path: string): number {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	return stat ? Date.now() - stat.mtimeMs : 0;
}

const maxNameLength = 150;

function cutName(name: string): string {
	let cut = name.slice(0, maxNameLength);
	while (Buffer.byteLength(cut) > maxNameLength) cut = cut.slice(0, -1);
	return cut;
}
