import { type Diagnostic, type FindingKind, finding } from "../base/diagnostic.ts";
import { largestHashed } from "../io/files/size-limits.ts";
import { fileSize } from "../io/files/stat-path.ts";
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

const tooLarge: FindingKind<{ raw: string; size: number }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, size }) =>
		`${JSON.stringify(raw)} has ${size} bytes, more than the ${largestHashed} that a file may have that an eval names`,
	hint: () => "name a smaller file, or have a hook fetch it into the workspace",
};

/** Returns a finding for each path that leads to what is never opened: reading it may block, or never end. */
export function irregularReferences(references: readonly Reference[]): Diagnostic[] {
	return references.flatMap((reference) => {
		const { raw, onDisk, at } = reference;
		if (isIrregular(reference)) return [finding(notRegular, { raw, directory: onDisk === "directory" }, at)];
		const size = onDisk === "file" && files.has(reference.kind) ? fileSize(reference.resolved) : 0;
		return size > largestHashed ? [finding(tooLarge, { raw, size }, at)] : [];
	});
}

function isIrregular({ kind, onDisk, state, word }: Reference): boolean {
	if (onDisk === "directory") return files.has(kind);
	// Devices and sockets of the machine are for programs to open, which get them as arguments.
	return onDisk === "other" && !(word !== undefined && word.index > 0 && state === "outside-root");
}
