import { AgentvError } from "../../base/agentv-error.ts";

/** Bytes that the files which are copied or hashed together may have: a template, a skill, a bundle. */
export const largestTree = 16 * 1024 ** 3;
/** Bytes of one file that is hashed in one go. */
export const largestHashed = 512 * 1024 ** 2;

export interface SizedFile {
	readonly path: string;
	/** Bytes, holes included: reading a hole takes as long as reading data. */
	readonly size: number;
}

/**
 * Looks at sizes before anything is read: a file of nothing but holes takes no room, but years to copy.
 * @param what begins the sentence: `the template /t`
 * @throws AgentvError `refused`, naming the largest file
 */
export function refuseTooLarge(what: string, files: Iterable<SizedFile>, most: number, hint?: string): void {
	let bytes = 0;
	let largest: SizedFile | undefined;
	for (const file of files) {
		bytes += file.size;
		if (file.size > (largest?.size ?? -1)) largest = file;
	}
	if (bytes <= most || !largest) return;
	throw new AgentvError(
		"refused",
		`${what} has files of ${bytes} bytes together, more than the ${most} allowed; the largest is ${largest.path} with ${largest.size} bytes`,
		{ hint: hint ?? "Take large files out, or have a hook fetch them where they are needed." },
	);
}
