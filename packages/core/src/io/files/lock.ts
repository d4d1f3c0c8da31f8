import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";
import { type ChainLink, followChain, joinChain, releaseChain } from "./lock-chain.ts";
import { type LockOwner, ourselves } from "./lock-owner.ts";
import { makeDirectory } from "./make-directory.ts";
import { realPath } from "./stat-path.ts";
import { touch } from "./touch.ts";

export interface LockOptions {
	/** How long to wait for another holder. Default: forever. 0: not at all. */
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
 * The lock is for the real path, which need not exist: two names of one file share a lock. A lock
 * whose owner died is taken over immediately.
 * @throws AgentvError `failed` if it was not free within `waitMs`, `interrupted` if aborted; else
 * what `work` threw
 */
export async function withLock<T>(path: string, work: () => Promise<T> | T, options: LockOptions = {}): Promise<T> {
	const head = lockFile(path, options.lockDirectory);
	const held = await acquire(head, path, options);
	const own = held.at(-1)?.path ?? head;
	// A heartbeat for machines that can't see our process.
	const alive = setInterval(() => touch(own), signOfLifeMs);
	alive.unref();
	try {
		return await work();
	} finally {
		clearInterval(alive);
		releaseChain(held);
	}
}

/** Only a snapshot: the result can change a moment later. */
export function isLocked(path: string, options: Pick<LockOptions, "lockDirectory"> = {}): boolean {
	return lockHolder(path, options) !== undefined;
}

/** Returns the holder's process id, 0 if unknown; undefined if the lock is free. */
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
		await sleep(Math.min(pause * (0.5 + Math.random()), Math.max(0, until - performance.now())), options.signal);
	}
}

type Attempt = { readonly held: readonly ChainLink[] } | { readonly holder: LockOwner | undefined };

function attempt(head: string, path: string): Attempt {
	try {
		const before = followChain(head);
		if (before.free === undefined) return { holder: before.holder };
		const us = ourselves(randomBytes(8).toString("hex"));
		if (!joinChain(before.free, us)) return { holder: undefined };
		// Check again: the chain we joined can have been released meanwhile, and is then no longer the
		// lock.
		const after = followChain(head);
		if (after.holder?.token === us.token) return { held: after.links };
		rmSync(before.free, { force: true });
		return { holder: after.holder };
	} catch (error) {
		throw fileError(path, error);
	}
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal?.addEventListener("abort", done, { once: true });
	});
}
