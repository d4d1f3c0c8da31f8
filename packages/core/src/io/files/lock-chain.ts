import { linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode } from "./file-error.ts";
import { type LockOwner, ownerState } from "./lock-owner.ts";
import { readBytes } from "./read-text.ts";
import { besideName } from "./staged-files.ts";

/**
 * A lock is a chain of files, each created by an atomic link that only one process can win. The
 * head is `<name>`. Successors never delete the file of a dead holder, for two of them could then
 * delete each other's; instead the process that creates `<name>.T` succeeds the holder with token
 * T. Releasing removes the head first: a process that joins an old chain afterwards checks again
 * and sees that it is no longer the chain.
 */
export interface ChainLink {
	readonly path: string;
	readonly owner: LockOwner;
}

/** A holder on another machine that was silent for this long is considered dead. */
const silentForMs = 60_000;
/** Each link is a holder that died before it could release the lock. */
const longestChain = 1000;
/** A lock file without content is either being written or was truncated by a power failure. */
const unwrittenForMs = 5_000;

/** `free` is where a newcomer links, `links` what precedes it. */
export interface ChainState {
	readonly links: readonly ChainLink[];
	readonly free: string | undefined;
	readonly holder: LockOwner | undefined;
}

/** @throws AgentvError `config` if the lock files form a cycle */
export function followChain(head: string): ChainState {
	const links: ChainLink[] = [];
	const seen = new Set<string>();
	for (let path = head; ; ) {
		const link = readLink(path);
		if (!link) return { links, free: path, holder: undefined };
		if (seen.has(path) || seen.size > longestChain)
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

function ageOf(path: string): number {
	const stat = statSync(path, { throwIfNoEntry: false });
	return stat ? Date.now() - stat.mtimeMs : 0;
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

/** Tries to take `free`; returns false if another process was faster. */
export function joinChain(free: string, owner: LockOwner): boolean {
	const candidate = besideName(free);
	const content = JSON.stringify(owner);
	writeFileSync(candidate, content, { flag: "wx" });
	try {
		linkSync(candidate, free);
		return true;
	} catch (error) {
		const code = errnoCode(error);
		if (code === "EEXIST" || code === "ENOENT") return false;
		// On a file system without hard links, the content is written a moment after the name appears.
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

/** Removes our link and those before it, the head first. */
export function releaseChain(links: readonly ChainLink[]): void {
	for (const { path, owner } of links) {
		// If another process considered us dead and took over, the file is not ours to remove.
		if (readLink(path)?.owner.token === owner.token) rmSync(path, { force: true });
	}
}
