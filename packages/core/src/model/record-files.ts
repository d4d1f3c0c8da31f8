import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { isInside } from "../io/files/path-inside.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { realPath } from "../io/files/stat-path.ts";
import { type AttemptFile, attemptFileSchema } from "../schema/attempt-file.ts";

/**
 * Returns the text of a file from a run's records (`output_path`, `file_changes_path`, …), relative
 * to the run's directory. Redacting secrets can make an answer of 64 MB longer.
 * @throws AgentvError `refused` if the path is outside that directory, `not-found`
 */
export function readRecordText(directory: string, path: string): string {
	return readTextFile(recordPath(directory, path), { maxBytes: 256 * 1024 * 1024 });
}

/**
 * Returns the absolute path of a file from a run's records.
 * @throws AgentvError `refused` if it is outside the run's directory
 */
export function recordPath(directory: string, path: string): string {
	const root = realPath(directory);
	const file = realPath(join(root, path));
	if (!isInside(root, file)) throw new AgentvError("refused", `${path} is outside the run's directory`);
	return file;
}

/** Returns undefined if the file is missing or unreadable. */
export function readAttempt(directory: string, path: string): AttemptFile | undefined {
	try {
		const read = readJson(readRecordText(directory, path));
		const parsed = "value" in read ? attemptFileSchema.safeParse(read.value) : undefined;
		return parsed?.success ? parsed.data : undefined;
	} catch (error) {
		if (error instanceof AgentvError && ["not-found", "refused", "config"].includes(error.code)) return undefined;
		throw error;
	}
}
