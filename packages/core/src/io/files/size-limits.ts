import { AgentvError } from "../../base/agentv-error.ts";

/** Total bytes of files that are copied or hashed together: a template, a skill, a bundle. */
export const largestTree = 16 * 1024 ** 3;
/** Bytes of one file that is hashed without a break. */
export const largestHashed = 512 * 1024 ** 2;

export interface SizedFile {
	readonly path: string;
	/** Bytes, holes included: reading a hole takes as long as reading data. */
	readonly size: number;
}

/**
 * Checks sizes before anything is read: a sparse file takes no disk space, but can take years to
 * copy.
 * @param what subject of the message: `the template /t`
 * @throws AgentvError `refused`, with the largest file
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
		`${what} has ${bytes} bytes of files, more than the ${most} allowed; the largest is ${largest.path} with ${largest.size} bytes`,
		{ hint: hint ?? "Remove large files, or fetch them in a hook." },
	);
}
