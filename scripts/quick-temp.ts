import { accessSync, constants, mkdtempSync, realpathSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memory = "/dev/shm";
const neededBytes = 4 * 1024 ** 3;

/**
 * Lets the tests' temporary directories lie in memory where there is room: they write small files by the ten thousand, which a disk
 * takes ten times as long for. AGENTV_TEST_DISK then says where the disk's are. A TMPDIR that is set is left as
 * it is.
 */
export default function quickTemp(): () => void {
	if (process.env["TMPDIR"] !== undefined || !hasRoom()) return () => undefined;
	process.env["AGENTV_TEST_DISK"] = tmpdir();
	const directory = mkdtempSync(join(realpathSync(memory), "agentv-"));
	process.env["TMPDIR"] = directory;
	return () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
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
