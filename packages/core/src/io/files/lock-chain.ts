import { linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode } from "./file-error.ts";
import { type LockOwner, ownerState } from "./lock-owner.ts";
import { readBytes } from "./read-text.ts";
import { besideName } from "./staged-files.ts";

/**
 * A lock is a chain of files, each made by an atomic link that only one process can win. The head is `<name>`. A holder that died is
 * never deleted by its successors, for two of them could then delete each other's work; instead the successor of the holder with
 * token T is whoever makes `<name>.T`. Releasing removes the head first: whoever joins an old chain after that sees, on looking again,
 * that it is not the chain any more.
 */
export interface ChainLink {
	readonly path: string;
	readonly owner: LockOwner;
}

/** A holder on another machine that gave no sign of life for this long is taken for dead. */
const silentForMs = 60_000;
/** A lock file without content is being written, or what a power failure left. */
const unwrittenForMs = 5_000;

/** Who holds the lock now, by following the chain; `free` says where a newcomer links, `links` what came before. */
export interface ChainState {
	readonly links: readonly ChainLink[];
	readonly free: string | undefined;
	readonly holder: LockOwner | undefined;
}

export function followChain(head: string): ChainState {
	const links: ChainLink[] = [];
	for (let path = head; ; ) {
		const link = readLink(path);
		if (!link) return { links, free: path, holder: undefined };
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
		// In a directory that came from elsewhere, it may be anything.
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
		const isOwner =
			typeof value === "object" && value !== null && "token" in value && "pid" in value && "machine" in value;
		return isOwner ? (value as LockOwner) : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Stands for the owner of a file that says nothing; its token is the same for every process that looks at the same file. */
function unreadable(path: string): LockOwner {
	const stat = statSync(path, { throwIfNoEntry: false });
	const token = stat ? `${stat.ino}-${Math.round(stat.mtimeMs)}` : "gone";
	return { token, pid: 0, started: undefined, machine: "", boot: undefined };
}

/** Tries to stand at `free`; false when another was faster. */
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
		// A file system without hard links: the content then follows a moment after the name.
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

/** Removes what we hold and what stood before it, the head first. */
export function releaseChain(links: readonly ChainLink[]): void {
	for (const { path, owner } of links) {
		// Should somebody have taken us for dead and gone on, what stands there now is not ours to remove.
		if (readLink(path)?.owner.token === owner.token) rmSync(path, { force: true });
	}
}
