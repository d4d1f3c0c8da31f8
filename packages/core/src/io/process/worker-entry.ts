import { existsSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Absolute path of a program of ours that runs in a process or thread of its own, by its place in the source without ending
 * (`workspace/extension-host`). It is plain JavaScript, so that any runtime starts it as it is; bundled, it lies beside the rest under its own name.
 */
export function workerEntry(name: string): string {
	const bundled = join(import.meta.dirname, `${basename(name)}.js`);
	return existsSync(bundled) ? bundled : join(import.meta.dirname, "../..", `${name}.mjs`);
}
