import { existsSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Returns the absolute path of one of our programs that runs as a separate process or thread, from
 * its source path without extension (`workspace/extension-host`). It is plain JavaScript, so that
 * any runtime starts it; bundled, it is next to the other files under its own name.
 */
export function workerEntry(name: string): string {
	const bundled = join(import.meta.dirname, `${basename(name)}.js`);
	return existsSync(bundled) ? bundled : join(import.meta.dirname, "../..", `${name}.mjs`);
}
