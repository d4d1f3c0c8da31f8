import { createHash, randomBytes } from "node:crypto";
import { linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentvError } from "../lib/errors.ts";
import {
	ageOf,
	besideName,
	type LockOwner,
	makeDirectory,
	type OwnerState,
	ourselves,
	ownerState,
} from "./directories.ts";
import { atPath, errnoCode, pathKind, realPath } from "./files.ts";
import { readBytes, readTextFile } from "./read-file.ts";
import { removeFile, touch, writeNote } from "./write-file.ts";

interface LockOptions {
	/** Default: forever. 0: not at all. */
	readonly waitMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called once with the holder's process id when waiting starts. */
	readonly onWait?: ((pid: number) => void) | undefined;
	/** Created if missing. Default: next to the locked path, as `.<name>.lock`. */
	readonly lockDirectory?: string | undefined;
}

const signOfLifeMs = 10_000;

/**
 * Runs `work` while no other process (and no other caller in this one) holds the lock of `path`.
 * The
 * lock is for the real path, which need not exist: two names of one file share a lock. A lock whose
 * owner died is taken over immediately.
 * @throws AgentvError `failed` if it was not free within `waitMs`, `interrupted` if aborted; else
 * what `work` threw
 */
export async function withLock<T>(path: string, work: () => Promise<T> | T, options: LockOptions = {}): Promise<T> {
	const head = lockFile(path, options.lockDirectory);
	const held = await acquire(head, path, options);
	const own = held.at(-1)?.path ?? head;
	// A heartbeat for machines that can't see this process.
	const alive = setInterval(() => touch(own), signOfLifeMs);
	alive.unref();
	try {
		return await work();
	} finally {
		clearInterval(alive);
		releaseChain(held);
	}
}

/** The result can change a moment later. */
export function isLocked(path: string, options: Pick<LockOptions, "lockDirectory"> = {}): boolean {
	return lockHolder(path, options) !== undefined;
}

/** Returns a process id, 0 if unknown; undefined if the lock is free. */
export function lockHolder(path: string, options: Pick<LockOptions, "lockDirectory"> = {}): number | undefined {
	const { free, holder } = followChain(lockName(path, options.lockDirectory));
	return free === undefined ? (holder?.pid ?? 0) : undefined;
}

export function isLockName(name: string): boolean {
	// A successor is named after the token of the lock before it, or after the file if that one is
	// unreadable.
	return /^[0-9a-f]{32}\.lock(\.[0-9a-f]{16}|\.\d+-\d+)?$/.test(name);
}

function lockFile(path: string, directory: string | undefined): string {
	const where = directory ?? dirname(realPath(path));
	makeDirectory(where);
	return lockName(path, directory);
}

function lockName(path: string, directory: string | undefined): string {
	const real = realPath(path);
	const where = directory ?? dirname(real);
	if (directory === undefined) return join(where, `.${basename(real)}.lock`);
	return join(where, `${createHash("sha256").update(real).digest("hex").slice(0, 32)}.lock`);
}

async function acquire(head: string, path: string, options: LockOptions): Promise<readonly ChainLink[]> {
	const until = performance.now() + (options.waitMs ?? Number.POSITIVE_INFINITY);
	let told = false;
	for (let pause = 5; ; pause = Math.min(pause * 1.5, 100)) {
		const interrupted = options.signal?.aborted;
		if (interrupted) throw new AgentvError("interrupted", `waiting for the lock of ${path} was interrupted`);
		const tried = attempt(head, path);
		if ("held" in tried) return tried.held;
		if (tried.holder && !told) options.onWait?.(tried.holder.pid);
		told ||= tried.holder !== undefined;
		if (performance.now() >= until) {
			const by = tried.holder ? ` by process ${tried.holder.pid}` : "";
			throw new AgentvError("failed", `${path} is in use${by}`, { hint: "Try again when it has finished." });
		}
		const waitMs = Math.min(pause * (0.5 + Math.random()), Math.max(0, until - performance.now()));
		// The next round reports an abort.
		await sleep(waitMs, undefined, { signal: options.signal }).catch(() => undefined);
	}
}

type Attempt = { readonly held: readonly ChainLink[] } | { readonly holder: LockOwner | undefined };

function attempt(head: string, path: string): Attempt {
	return atPath(path, () => {
		const before = followChain(head);
		if (before.free === undefined) return { holder: before.holder };
		const us = ourselves(randomBytes(8).toString("hex"));
		if (!joinChain(before.free, us)) return { holder: undefined };
		// The joined chain may have been released meanwhile, and is then no longer the lock.
		const after = followChain(head);
		if (after.holder?.token === us.token) return { held: after.links };
		rmSync(before.free, { force: true });
		return { holder: after.holder };
	});
}

/**
 * A lock is a chain of files, each created by an atomic link that only one process can win. The
 * head is `<name>`. Successors never delete the file of a dead holder, for two of them could then
 * delete each other's; instead the process that creates `<name>.T` succeeds the holder with token
 * T. Releasing removes the head first: a process that joins an old chain afterwards checks again
 * and sees that it is no longer the chain.
 */
interface ChainLink {
	readonly path: string;
	readonly owner: LockOwner;
}

/** A holder on another machine that was silent for this long is considered dead. */
const silentForMs = 60_000;
/** Each link is a holder that died before it could release the lock. */
const maxChainLength = 1000;
/** A lock file without content is either being written or was truncated by a power failure. */
const unwrittenForMs = 5_000;

/** `free` is where a newcomer links, `links` what precedes it. */
interface ChainState {
	readonly links: readonly ChainLink[];
	readonly free: string | undefined;
	readonly holder: LockOwner | undefined;
}

/** @throws AgentvError `config` if the lock files form a cycle */
function followChain(head: string): ChainState {
	const links: ChainLink[] = [];
	const seen = new Set<string>();
	for (let path = head; ; ) {
		const link = readLink(path);
		if (!link) return { links, free: path, holder: undefined };
		if (seen.has(path) || seen.size > maxChainLength)
			throw new AgentvError("config", `${head} is damaged: not an AgentV lock file`, { hint: "remove it" });
		seen.add(path);
		links.push(link);
		if (!isDead(link)) return { links, free: undefined, holder: link.owner };
		path = `${head}.${link.owner.token}`;
	}
}

function isDead({ path, owner }: ChainLink): boolean {
	if (owner.pid === 0) return ageOf(path) > unwrittenForMs;
	const state = ownerState(owner);
	return state === "dead" || (state === "elsewhere" && ageOf(path) > silentForMs);
}

function readLink(path: string): ChainLink | undefined {
	let text: string;
	try {
		// In a directory from elsewhere, it can be anything.
		text = readBytes(path, { maxBytes: 64 * 1024 }).toString("utf8");
	} catch (error) {
		if (error instanceof AgentvError && error.code === "not-found") return undefined;
		throw error;
	}
	return { path, owner: parseOwner(text) ?? unreadable(path) };
}

function parseOwner(text: string): LockOwner | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return isOwner(value) ? value : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** The file can contain anything, and the token becomes part of a path. */
function isOwner(value: unknown): value is LockOwner {
	if (typeof value !== "object" || value === null) return false;
	const { token, pid, machine, started, boot } = value as Record<string, unknown>;
	const isTextOrAbsent = (field: unknown) => field === undefined || typeof field === "string";
	return (
		typeof token === "string" &&
		/^[\w-]{1,64}$/.test(token) &&
		Number.isSafeInteger(pid) &&
		typeof machine === "string" &&
		isTextOrAbsent(started) &&
		isTextOrAbsent(boot)
	);
}

/** The token is the same for every process that reads the file. */
function unreadable(path: string): LockOwner {
	const stat = statSync(path, { throwIfNoEntry: false });
	const token = stat ? `${stat.ino}-${Math.round(stat.mtimeMs)}` : "gone";
	return { token, pid: 0, started: undefined, machine: "", boot: undefined };
}

/** Returns false if another process was faster. */
function joinChain(free: string, owner: LockOwner): boolean {
	const candidate = besideName(free);
	const content = JSON.stringify(owner);
	writeFileSync(candidate, content, { flag: "wx" });
	try {
		linkSync(candidate, free);
		return true;
	} catch (error) {
		const code = errnoCode(error);
		if (code === "EEXIST" || code === "ENOENT") return false;
		// Without hard links, the content is written a moment after the name appears.
		if (code && ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code))
			return makeExclusively(free, content);
		throw error;
	} finally {
		rmSync(candidate, { force: true });
	}
}

function makeExclusively(path: string, content: string): boolean {
	try {
		writeFileSync(path, content, { flag: "wx" });
		return true;
	} catch (error) {
		if (errnoCode(error) === "EEXIST") return false;
		throw error;
	}
}

function releaseChain(links: readonly ChainLink[]): void {
	for (const { path, owner } of links) {
		// If another process considered this one dead and took over, the file is that process's.
		if (readLink(path)?.owner.token === owner.token) rmSync(path, { force: true });
	}
}

export const ownerNote = "owner.json";

export function writeOwnerNote(directory: string): void {
	writeNote(join(directory, ownerNote), JSON.stringify(ourselves("")));
}

export function removeOwnerNote(directory: string): void {
	removeFile(join(directory, ownerNote));
}

interface DirectoryOwner {
	readonly pid: number;
	readonly state: OwnerState;
}

export function directoryOwner(directory: string): DirectoryOwner | undefined {
	return readOwner(join(directory, ownerNote));
}

/** Records in `directory` that this process uses it. The returned function removes the record. */
export function noteUser(directory: string): () => void {
	const token = randomBytes(8).toString("hex");
	const note = join(directory, `${token}.json`);
	writeNote(note, JSON.stringify(ourselves(token)));
	return () => removeFile(note);
}

export function readOwner(note: string): DirectoryOwner | undefined {
	if (pathKind(note) !== "file") return undefined;
	try {
		const owner = JSON.parse(readTextFile(note)) as Partial<LockOwner> | null;
		if (typeof owner?.pid !== "number" || typeof owner.machine !== "string") return undefined;
		return { pid: owner.pid, state: ownerState(owner as LockOwner) };
	} catch (error) {
		// A note truncated by a power failure counts as missing.
		if (error instanceof SyntaxError || error instanceof AgentvError) return undefined;
		throw error;
	}
}
