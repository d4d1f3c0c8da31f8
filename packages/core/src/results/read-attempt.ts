import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { type AttemptFile, attemptFileSchema } from "../schema/attempt-file.ts";
import { readRecordText } from "./read-run.ts";

/** An attempt's file, by its path relative to the run's directory; `undefined` where it is gone or can't be read: a run is worth showing without. */
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
