import { AgentvError } from "../base/agentv-error.ts";
import { directoryEntries } from "../io/files/directory-entries.ts";
import { existingCase } from "../io/files/existing-case.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { type PathKind, targetKind } from "../io/files/stat-path.ts";

/**
 * The disk as the loader sees it. A view lives as long as one command and caches kinds and
 * directory listings, so that a thousand evals of one directory share its lookups.
 */
export interface DiskView {
	kind(path: string): PathKind;
	/** @throws AgentvError if the file is missing, unreadable or too large */
	readText(path: string): string;
	/** Returns the sorted entry names of a directory, empty if there is none. */
	list(directory: string): readonly string[];
	/** Like `list`, with each entry's own kind: a link is a `link`. Call it through `entriesOf`. */
	entries?(directory: string): ReadonlyMap<string, PathKind>;
	/** Returns the path as spelled on disk, if that differs only in letter case; else undefined. */
	otherCase(path: string): string | undefined;
}

export function openDiskView(): DiskView {
	const view = new OpenView();
	return {
		kind: (path) => view.kind(path),
		readText: (path) => readTextFile(path),
		list: (directory) => view.list(directory),
		entries: (directory) => view.entries(directory),
		otherCase: (path) => existingCase(path),
	};
}

/**
 * Returns whether there is a file at a path that AgentV checks on its own.
 * @throws AgentvError `config` for a device, pipe, socket or kernel file: it would never be opened,
 * and ignoring it could surprise
 */
export function hasFile(view: DiskView, path: string): boolean {
	const kind = view.kind(path);
	if (kind !== "other") return kind === "file";
	throw new AgentvError("config", `${path} is not a regular file`, {
		hint: "Replace it with a file on disk: devices, pipes, sockets and kernel files are never opened.",
	});
}

type Entries = ReturnType<typeof directoryEntries>;

/** Returns entries sorted by name; a view that can't detect links follows them. */
export function entriesOf(view: DiskView, directory: string): ReadonlyMap<string, PathKind> {
	return (
		view.entries?.(directory) ?? new Map(view.list(directory).map((name) => [name, view.kind(`${directory}/${name}`)]))
	);
}

const noEntries: ReadonlyMap<string, PathKind> = new Map();

/** Reads each directory once: that gives the kinds of all its entries, and of missing ones. */
class OpenView {
	readonly #entries = new Map<string, { readonly found: Entries }>();
	readonly #lists = new Map<string, readonly string[]>();
	readonly #followed = new Map<string, PathKind>();

	kind(path: string): PathKind {
		const slash = path.lastIndexOf("/");
		const name = path.slice(slash + 1);
		// A root, a path with a trailing slash, or one of another system: query it directly.
		if (slash <= 0 || name === "" || name === "." || name === "..") return this.#follow(path);
		const directory = path.slice(0, slash);
		const entries = this.#read(directory);
		if (entries) {
			const kind = entries.get(name);
			// On a case-insensitive disk another spelling exists, too; `otherCase` handles that.
			return kind === undefined ? "missing" : kind === "link" ? this.#follow(path) : kind;
		}
		return this.kind(directory) === "directory" ? this.#follow(path) : "missing";
	}

	list(directory: string): readonly string[] {
		const known = this.#lists.get(directory);
		if (known) return known;
		const names = [...(this.#read(directory)?.keys() ?? listDirectory(directory))];
		return this.#keep(this.#lists, directory, names);
	}

	entries(directory: string): ReadonlyMap<string, PathKind> {
		return this.#read(directory) ?? noEntries;
	}

	/** Undefined if there is no such directory; a parent's listing can show that without a lookup. */
	#read(directory: string): Entries {
		const known = this.#entries.get(directory);
		if (known) return known.found;
		const slash = directory.lastIndexOf("/");
		const parent = slash > 0 ? this.#entries.get(directory.slice(0, slash))?.found : undefined;
		const kind = parent?.get(directory.slice(slash + 1));
		const absent = parent !== undefined && (kind === undefined || kind === "file");
		return this.#keep(this.#entries, directory, { found: absent ? undefined : directoryEntries(directory) }).found;
	}

	#follow(path: string): PathKind {
		return this.#followed.get(path) ?? this.#keep(this.#followed, path, targetKind(path));
	}

	#keep<Value>(map: Map<string, Value>, path: string, value: Value): Value {
		if (map.size >= 10_000) map.clear(); // Memory stays flat for any number of evals.
		map.set(path, value);
		return value;
	}
}

/** Returns the view after a change: `files` maps absolute path → new text. */
export function overlayDiskView(view: DiskView, files: ReadonlyMap<string, string>): DiskView {
	return {
		kind: (path) => (files.has(path) ? "file" : view.kind(path)),
		readText: (path) => files.get(path) ?? view.readText(path),
		list: (directory) => {
			const added = namesIn(directory, files);
			return added.length === 0 ? view.list(directory) : [...new Set([...view.list(directory), ...added])].sort();
		},
		entries: (directory) => {
			const added = namesIn(directory, files).map((name) => [name, "file"] as const);
			return added.length === 0 ? entriesOf(view, directory) : new Map([...entriesOf(view, directory), ...added]);
		},
		otherCase: (path) => (files.has(path) ? undefined : view.otherCase(path)),
	};
}

function namesIn(directory: string, files: ReadonlyMap<string, string>): string[] {
	return [...files.keys()]
		.filter((path) => path.slice(0, path.lastIndexOf("/")) === directory)
		.map((path) => path.slice(directory.length + 1));
}
