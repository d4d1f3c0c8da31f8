import { accessSync, constants, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "@agentv/test-support";

const memory = "/dev/shm";
const neededBytes = 4 * 1024 ** 3;
/** Running tests create and remove directories all the time. */
const staleMs = 60 * 60_000;

/**
 * Puts temporary directories in memory if there is space, because tests write tens of thousands of
 * small files. AGENTV_TEST_DISK is then the one on disk. Keeps a TMPDIR that is set.
 */
export default function quickTemp(): () => void {
	if (process.env["TMPDIR"] !== undefined || !hasRoom()) return () => undefined;
	const parent = realpathSync(memory);
	removeStale(parent);
	process.env["AGENTV_TEST_DISK"] = tmpdir();
	const directory = mkdtempSync(join(parent, `agentv-${process.pid}-`));
	process.env["TMPDIR"] = directory;
	return () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

/** Removes only unused directories: a process id can be from another pid namespace. */
function removeStale(parent: string): void {
	for (const name of readdirSync(parent)) {
		const [, pid] = /^agentv-(\d+)-\w{6}$/.exec(name) ?? [];
		if (pid === undefined || isAlive(Number(pid))) continue;
		const directory = join(parent, name);
		const changed = statSync(directory, { throwIfNoEntry: false })?.mtimeMs;
		if (changed === undefined || Date.now() - changed <= staleMs) continue;
		try {
			rmSync(directory, { recursive: true, force: true });
		} catch {
			// A process still writes, so the next run removes the directory.
		}
	}
}

function hasRoom(): boolean {
	try {
		accessSync(memory, constants.W_OK);
		const { bavail, bsize } = statfsSync(memory);
		return bavail * bsize >= neededBytes;
	} catch {
		return false;
	}
}
