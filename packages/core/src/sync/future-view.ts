import { basename, dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { CloneGit } from "./clone-git.ts";
import { objectContents } from "./object-contents.ts";
import type { TreeChange } from "./tree-diff.ts";

/** Larger files are not evals; their content is not read. */
const mostBytes = 10 * 1024 * 1024;

/**
 * Returns the work tree after `changes`: changed files come from git's objects, the rest from
 * `view`. Local edits of other files are visible, since they stay.
 */
export async function futureView(git: CloneGit, changes: readonly TreeChange[], view: DiskView): Promise<DiskView> {
	const wanted = changes.filter(({ path, after }) => after?.mode.startsWith("100") && mayBeRead(path));
	const contents = await objectContents(git, [...new Set(wanted.flatMap(({ after }) => (after ? [after.oid] : [])))]);
	const files = new Map<string, Buffer | undefined>();
	const gone = new Set<string>();
	const names = new Map<string, Set<string>>();
	for (const { path, after } of changes) {
		const file = join(git.root, path);
		if (!after || after.mode === "160000") gone.add(file);
		else {
			files.set(file, contents.get(after.oid));
			addNames(names, git.root, file);
		}
	}
	return new FutureView(view, files, gone, names);
}

/** Returns whether loading an eval, or following a script's imports, may read the file. */
function mayBeRead(path: string): boolean {
	const name = basename(path);
	return (
		/\.(ya?ml|jsonl?|md|txt|env|[cm]?[jt]sx?|py|(ba|z)?sh)$/i.test(name) ||
		!name.includes(".") ||
		name.startsWith(".env")
	);
}

function addNames(names: Map<string, Set<string>>, root: string, file: string): void {
	for (let at = file; at !== root && at !== dirname(at); at = dirname(at)) {
		const siblings = names.get(dirname(at)) ?? new Set();
		if (siblings.has(basename(at))) return;
		siblings.add(basename(at));
		names.set(dirname(at), siblings);
	}
}

class FutureView implements DiskView {
	readonly #view: DiskView;
	readonly #files: ReadonlyMap<string, Buffer | undefined>;
	readonly #gone: ReadonlySet<string>;
	/** Directories of changed files, with their names. */
	readonly #names: ReadonlyMap<string, ReadonlySet<string>>;
	/** Directories with removed files. */
	readonly #losing = new Set<string>();

	constructor(
		view: DiskView,
		files: ReadonlyMap<string, Buffer | undefined>,
		gone: ReadonlySet<string>,
		names: ReadonlyMap<string, ReadonlySet<string>>,
	) {
		this.#view = view;
		this.#files = files;
		this.#gone = gone;
		this.#names = names;
		for (const file of gone)
			for (let at = dirname(file); at !== dirname(at) && !this.#losing.has(at); at = dirname(at)) this.#losing.add(at);
	}

	kind(path: string): ReturnType<DiskView["kind"]> {
		if (this.#files.has(path)) return "file";
		if (this.#names.has(path)) return "directory";
		if (this.#gone.has(path)) return "missing";
		const kind = this.#view.kind(path);
		return kind === "directory" && this.#isEmptied(path) ? "missing" : kind;
	}

	/** Returns whether a directory loses all its entries, and thus itself. */
	#isEmptied(directory: string): boolean {
		return this.#losing.has(directory) && this.list(directory).length === 0;
	}

	readText(path: string): string {
		if (this.#gone.has(path)) throw new AgentvError("not-found", `${path} does not exist`);
		if (!this.#files.has(path)) return this.#view.readText(path);
		const content = this.#files.get(path);
		if (content && content.length <= mostBytes) return content.toString("utf8");
		throw new AgentvError("config", `${path} is not a text file that a sync reads`);
	}

	list(directory: string): readonly string[] {
		const kept = this.#view.list(directory).filter((name) => {
			const path = join(directory, name);
			return !this.#gone.has(path) && this.kind(path) !== "missing";
		});
		return [...new Set([...kept, ...(this.#names.get(directory) ?? [])])].sort();
	}

	otherCase(path: string): string | undefined {
		return this.#files.has(path) ? undefined : this.#view.otherCase(path);
	}
}
