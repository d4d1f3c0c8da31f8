import { renameSync, rmdirSync } from "node:fs";
import { errnoCode, fileError } from "./file-error.ts";

/**
 * Renames a directory to `goal`, which is missing or an empty directory: readers see nothing or all
 * of it. Returns false, with nothing changed, if the system can't (another file system, a mount
 * point).
 * @throws AgentvError if the goal is not empty, or not writable
 */
export function moveIntoPlace(directory: string, goal: string): boolean {
	try {
		renameSync(directory, goal);
	} catch (error) {
		if (["EXDEV", "EBUSY"].includes(errnoCode(error) ?? "")) return false;
		// Some systems don't rename onto an empty directory.
		if (errnoCode(error) !== "EPERM" && errnoCode(error) !== "EEXIST") throw fileError(goal, error);
		try {
			rmdirSync(goal);
			renameSync(directory, goal);
		} catch (again) {
			throw fileError(goal, again);
		}
	}
	return true;
}
