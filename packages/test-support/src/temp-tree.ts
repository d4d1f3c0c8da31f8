import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * Creates a directory with `files` (relative path → content) that is removed when the test ends,
 * and returns its real absolute path. It may be in memory; set `isOnDisk` for gigabytes.
 */
export function tempTree(files: Record<string, string> = {}, { isOnDisk = false } = {}): string {
	const parent = (isOnDisk ? process.env["AGENTV_TEST_DISK"] : undefined) ?? tmpdir();
	const root = realpathSync(mkdtempSync(join(parent, "agentv-test-")));
	for (const [path, content] of Object.entries(files)) {
		const target = join(root, path);
		mkdirSync(dirname(target), { recursive: true });
		writeFileSync(target, content);
	}
	onTestFinished(() => rmSync(root, { recursive: true, force: true }));
	return root;
}
