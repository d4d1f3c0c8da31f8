import { accessSync, constants, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "@agentv/test-support";

const memory = "/dev/shm";
const neededBytes = 4 * 1024 ** 3;

/**
 * Puts the tests' temporary directories in memory if there is enough space: the tests write tens of thousands of small files, which
 * takes much longer on disk. AGENTV_TEST_DISK is then the temporary directory on disk. Keeps a TMPDIR that is set.
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

/** Removes the directories of test runs that were killed. */
function removeStale(parent: string): void {
	for (const name of readdirSync(parent)) {
		const [, pid] = /^agentv-(\d+)-\w{6}$/.exec(name) ?? [];
		if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
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
