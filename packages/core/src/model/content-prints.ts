import { basename, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { FileDigests } from "../io/files/file-digests.ts";
import { listTree, type TreeEntry } from "../io/files/list-tree.ts";
import { isInside } from "../io/files/path-inside.ts";
import { largestTree, refuseTooLarge } from "../io/files/size-limits.ts";
import type { CommandSpec } from "./command.ts";
import { commandFiles, workingDirectory } from "./command-files.ts";
import { Content, type ContentState, type FileVersion } from "./content.ts";
import { type DiskView, openDiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { type PathText, resolvePath } from "./path-text.ts";
import type { ReferenceKind } from "./reference.ts";
import { scriptClosure } from "./script-closure/script-closure.ts";

/**
 * The contents of paths, scripts and commands, each read once and again after a change. They are
 * identified by content, so that a source and its bundle, which use different paths, agree.
 */
export class ContentPrints {
	readonly #view: DiskView;
	readonly #digests = new FileDigests();
	readonly #known = new Map<string, Content>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	/** Returns the content of a file or of a directory's whole tree; a text if there is none. */
	path(text: PathText, scope: EvalScope): Content | string {
		const { path, kind, runTime } = resolvePath(text, scope, this.#view);
		if (runTime) return `run-time ${text.raw}`;
		return kind === "missing" ? "missing" : this.content(path);
	}

	/** Not shared between workspaces: each copies the template at a different time. */
	template(text: PathText, scope: EvalScope): Content | string {
		const { path, kind, runTime } = resolvePath(text, scope, this.#view);
		if (runTime) return `run-time ${text.raw}`;
		return kind === "missing" ? "missing" : this.#tree(path, (name) => !/(^|\/)\.git$/.test(name));
	}

	/** Returns the content of a script that a setting names by a path. */
	module(text: PathText, scope: EvalScope): Content | string {
		const { path, kind, runTime } = resolvePath(text, scope, this.#view);
		if (runTime) return `run-time ${text.raw}`;
		return kind === "missing" ? "missing" : this.script(path, scope);
	}

	/** Returns the content of a script with everything that it imports. */
	script(file: string, scope: EvalScope, directory?: string): Content {
		const root = scope.root;
		return this.#once(`script ${root} ${directory ?? ""} ${file}`, () =>
			Content.of((before) => {
				const known = before?.files.map(({ path }) => this.#version(path));
				if (before && known?.every(({ sha256 }, index) => sha256 === before.files[index]?.sha256)) return before;
				// Imports of a changed script can be new on disk.
				const view = before ? openDiskView() : this.#view;
				const workingDirectories = directory === undefined ? [] : [directory];
				const { files } = scriptClosure([file], { view, root, workingDirectories });
				const versions = files.map((path) => this.#version(path));
				// Sorted by content: a bundle moves the files.
				const digests = versions.map(({ sha256 }) => sha256).sort();
				return { digest: digestText([this.#version(file).sha256, ...digests].join("\n")), files: versions };
			}),
		);
	}

	/** Returns a command as its words, with those that name files replaced by the files' content. */
	command(command: CommandSpec, kind: ReferenceKind, scope: EvalScope): unknown {
		const { words, others } = commandFiles(command, kind, scope, this.#view);
		const directory = workingDirectory(command, kind, scope.directory);
		const used =
			others.length === 0 ? undefined : Content.union(others.map((file) => this.script(file, scope, directory)));
		if (!words) {
			const shell = typeof command.text === "string" ? command.text : command.text.join(" ");
			return used ? { shell, used } : { shell };
		}
		const printed = words.map(({ text, path }) => {
			if (path === undefined) return text;
			if (this.#view.kind(path) === "file") return { content: this.script(path, scope, directory) };
			// The eval's own directory also contains outputs of runs.
			return isInside(path, scope.directory) ? text : { content: this.content(path) };
		});
		return used ? { words: printed, used } : printed;
	}

	/** Returns the content of files that an eval declares, by their paths relative to `directory`. */
	declared(files: readonly string[], directory: string): Content {
		return this.#once(`declared ${directory} ${files.join("\0")}`, () =>
			Content.of((before) => {
				const versions = files.map((path) => this.#version(path));
				if (before && versions.every(({ sha256 }, index) => sha256 === before.files[index]?.sha256)) return before;
				const lines = versions.map(({ path, sha256 }) => `${sha256}  ${path.slice(directory.length)}\n`);
				return { digest: digestText(lines.join("")), files: versions };
			}),
		);
	}

	content(path: string): Content {
		return this.#once(`content ${path}`, () =>
			this.#view.kind(path) === "directory" ? this.#tree(path, isSource) : this.#file(path),
		);
	}

	#file(path: string): Content {
		return Content.of((before) => {
			const version = this.#version(path);
			return before?.digest === version.sha256 ? before : { digest: version.sha256, files: [version] };
		});
	}

	#tree(root: string, filter: (path: string) => boolean): Content {
		return Content.of((before): ContentState => {
			const entries = treeEntries(root, filter);
			if (typeof entries === "string") return { digest: entries, files: [{ path: root, sha256: entries }] };
			const members = new Map(entries.map((entry) => [entry.path, this.#member(root, entry)]));
			const sha256 = digestText([...members].map(([name, member]) => `${member}  ${name}\n`).join(""));
			return before?.digest === sha256 ? before : { digest: sha256, files: [{ path: root, sha256, members }] };
		});
	}

	#member(root: string, { path, kind, mode, target }: TreeEntry): string {
		if (kind === "link") return `${digestText(target ?? "")}  link`;
		if (kind === "other") return "unreadable";
		return `${this.#digests.of(join(root, path))}  ${mode & 0o100 ? "755" : "644"}`;
	}

	#version(path: string): FileVersion {
		return { path, sha256: this.#digests.of(path) };
	}

	#once(key: string, make: () => Content): Content {
		const known = this.#known.get(key) ?? make();
		this.#known.set(key, known);
		return known;
	}
}

/** Skips files that programs write next to their sources. */
function isSource(path: string): boolean {
	const name = basename(path);
	return ![".git", "node_modules", "__pycache__"].includes(name) && !/(^|\/)\.agentv\/results$/.test(path);
}

function treeEntries(root: string, filter: (path: string) => boolean): readonly TreeEntry[] | string {
	try {
		const entries = listTree(root, { filter }).filter(({ kind }) => kind !== "directory");
		refuseTooLarge(root, entries, largestTree);
		return entries;
	} catch (error) {
		// An unreadable file fails when it is used; here it only has to differ from everything else.
		if (error instanceof AgentvError) return `unreadable ${error.code}`;
		throw error;
	}
}
