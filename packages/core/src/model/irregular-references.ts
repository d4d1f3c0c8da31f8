import { type Diagnostic, type FindingKind, finding } from "../base/diagnostic.ts";
import { listTree } from "../io/files/list-tree.ts";
import { largestHashed } from "../io/files/size-limits.ts";
import { fileSize } from "../io/files/stat-path.ts";
import { linksLeavingTree } from "../io/files/tree-links.ts";
import { referenceNoun } from "./reference.ts";
import type { Reference, ReferenceKind } from "./references.ts";

/** Read as files, not directories. The loader checks the files that it reads. */
const files: ReadonlySet<ReferenceKind> = new Set([
	...(["input-file", "prompt", "metadata-file", "fixtures", "extension", "custom-grader"] as const),
]);

const notRegular: FindingKind<{ raw: string; directory: boolean }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, directory }) =>
		`${JSON.stringify(raw)} is ${directory ? "a directory, not a file" : "a device, pipe, socket or file of the kernel"}`,
	hint: ({ directory }) => (directory ? "use a file in it" : "use a file or directory on disk: nothing else is opened"),
};

const tooLarge: FindingKind<{ raw: string; size: number }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, size }) =>
		`${JSON.stringify(raw)} has ${size} bytes, more than the ${largestHashed} allowed for a file that an eval uses`,
	hint: () => "use a smaller file, or fetch it into the workspace in a hook",
};

/** Paths in a directory that would make copying it fail. */
export interface TreeFaults {
	readonly special: readonly string[];
	/** Links to outside. */
	readonly links: readonly string[];
}

const holdsSpecial: FindingKind<{ noun: string; raw: string; paths: readonly string[] }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ noun, raw, paths }) =>
		`${noun} ${JSON.stringify(raw)} contains entries that are not files, directories or links: ${shownPaths(paths)}`,
	hint: () => "remove it: nothing else is copied",
};

const leavingLinks: FindingKind<{ noun: string; raw: string; paths: readonly string[] }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ noun, raw, paths }) =>
		`${noun} ${JSON.stringify(raw)} has a symbolic link that leaves it: ${shownPaths(paths)}`,
	hint: () => "replace the link with its target",
};

function shownPaths(paths: readonly string[]): string {
	return `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ", …" : ""}`;
}

/** Scans a directory that a run copies. @param isLeftOut what is not copied */
export function treeFaults(directory: string, isLeftOut: (path: string) => boolean): TreeFaults {
	const entries = listTree(directory, { filter: (path) => !isLeftOut(path) });
	return {
		special: entries.filter(({ kind }) => kind === "other").map(({ path }) => path),
		links: linksLeavingTree(entries).map(({ path }) => path),
	};
}

/** Returns findings about templates that a run would refuse to copy. */
export function irregularTemplates(
	references: readonly Reference[],
	faultsOf: (directory: string) => Partial<TreeFaults>,
): Diagnostic[] {
	return references.flatMap((reference) => {
		if (reference.kind !== "template" || reference.onDisk !== "directory") return [];
		const { special = [], links = [] } = faultsOf(reference.resolved);
		const data = { noun: referenceNoun(reference), raw: reference.raw };
		return [
			...(special.length > 0 ? [finding(holdsSpecial, { ...data, paths: special }, reference.at)] : []),
			...(links.length > 0 ? [finding(leavingLinks, { ...data, paths: links }, reference.at)] : []),
		];
	});
}

/** Returns a finding for each path that is never opened: reading it can block, or never end. */
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
	// Devices and sockets are opened by programs, which get them as arguments.
	return onDisk === "other" && !(word !== undefined && word.index > 0 && state === "outside-root");
}
