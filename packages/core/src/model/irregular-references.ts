import { type Diagnostic, type FindingKind, finding } from "../base/diagnostic.ts";
import type { Reference, ReferenceKind } from "./references.ts";

/** What is read as a file; a directory in its place can't be. Loading itself says so of what it reads. */
const files: ReadonlySet<ReferenceKind> = new Set([
	...(["input-file", "prompt", "metadata-file", "fixtures", "extension", "custom-grader"] as const),
]);

const notRegular: FindingKind<{ raw: string; directory: boolean }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, directory }) =>
		`${JSON.stringify(raw)} is ${directory ? "a directory, not a file" : "a device, pipe, socket or file of the kernel"}`,
	hint: ({ directory }) =>
		directory ? "name a file in it" : "name a file or directory on disk: nothing else is opened",
};

/** Returns a finding for each path that leads to what is never opened: reading it may block, or never end. */
export function irregularReferences(references: readonly Reference[]): Diagnostic[] {
	return references
		.filter((reference) => isIrregular(reference))
		.map(({ raw, onDisk, at }) => finding(notRegular, { raw, directory: onDisk === "directory" }, at));
}

function isIrregular({ kind, onDisk, state, word }: Reference): boolean {
	if (onDisk === "directory") return files.has(kind);
	// Devices and sockets of the machine are for programs to open, which get them as arguments.
	return onDisk === "other" && !(word !== undefined && word.index > 0 && state === "outside-root");
}
