import { existingCase } from "../io/files/existing-case.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { type PathKind, targetKind } from "../io/files/stat-path.ts";

/**
 * What loading sees of the disk. One view lives as long as one command: kinds and directory listings are remembered, so
 * that a thousand evals of one directory cost its look-ups once.
 */
export interface DiskView {
	kind(path: string): PathKind;
	/** Text of a file. Throws `AgentvError` where it is missing, unreadable or too large. */
	readText(path: string): string;
	/** Sorted entry names of a directory, empty where there is none. */
	list(directory: string): readonly string[];
	/** The path as it is written on disk, where that differs in letter case only; else `undefined`. */
	otherCase(path: string): string | undefined;
}

export function openDiskView(): DiskView {
	const kinds = new Map<string, PathKind>();
	const listings = new Map<string, readonly string[]>();
	const remember = <Value>(map: Map<string, Value>, path: string, look: () => Value): Value => {
		let value = map.get(path);
		if (value === undefined) {
			if (map.size > 50_000) map.clear(); // memory stays flat however many evals one command sees
			value = look();
			map.set(path, value);
		}
		return value;
	};
	return {
		kind: (path) => remember(kinds, path, () => targetKind(path)),
		readText: (path) => readTextFile(path),
		list: (directory) => remember(listings, directory, () => listDirectory(directory)),
		otherCase: (path) => existingCase(path),
	};
}

/** The view with some files as they would be after a change: `files` maps absolute path → new text. */
export function overlayDiskView(view: DiskView, files: ReadonlyMap<string, string>): DiskView {
	return {
		kind: (path) => (files.has(path) ? "file" : view.kind(path)),
		readText: (path) => files.get(path) ?? view.readText(path),
		list: (directory) => {
			const added = [...files.keys()]
				.filter((path) => path.slice(0, path.lastIndexOf("/")) === directory)
				.map((path) => path.slice(directory.length + 1));
			return added.length === 0 ? view.list(directory) : [...new Set([...view.list(directory), ...added])].sort();
		},
		otherCase: (path) => (files.has(path) ? undefined : view.otherCase(path)),
	};
}
