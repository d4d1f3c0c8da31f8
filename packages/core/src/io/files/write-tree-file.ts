import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { fileError } from "./file-error.ts";
import { systemPath } from "./raw-path.ts";

/**
 * Writes a file or link of a tree at an unused path.
 * @param path may be one of `raw-path`
 * @param mode as in git; `120000` makes a link with `content` as its text
 */
export function writeTreeFile(path: string, content: Buffer, mode: "100644" | "100755" | "120000"): void {
	const place = systemPath(path);
	try {
		if (mode === "120000") symlinkSync(content, place);
		else {
			writeFileSync(place, content, { flag: "wx" });
			chmodSync(place, mode === "100755" ? 0o755 : 0o644);
		}
	} catch (error) {
		throw fileError(path, error);
	}
}
