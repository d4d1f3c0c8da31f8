import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { AgentvError, type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";
import { isInside, largestTree, refuseTooLarge } from "../machine/files.ts";
import { globFiles, listTree, type TreeEntry } from "../machine/find-files.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import type { CommandSpec } from "./command.ts";
import { commandFiles, workingDirectory } from "./command-files.ts";
import { type EvalScope, ownFiles } from "./discover-evals.ts";
import { type PathText, resolvePath } from "./read-shape.ts";
import { scriptClosure } from "./script-closure.ts";
import { type DiskView, openDiskView } from "./source.ts";

export interface FileVersion {
	/** Absolute. */
	readonly path: string;
	/** Hexadecimal; a word if missing or unreadable. */
	readonly sha256: string;
	/** For a directory: digest and mode of each file below it, by relative path. */
	readonly members?: ReadonlyMap<string, string>;
}

interface ContentState {
	readonly digest: string;
	readonly files: readonly FileVersion[];
}

/** A check remains valid for this many times its own duration. */
const patience = 10;

/**
 * The current content of some files. The state is the same object while nothing changes. A slow
 * check, as of a directory with thousands of files, is not repeated for each test.
 */
export class Content {
	readonly #look: (before: ContentState | undefined) => ContentState;
	#state: ContentState | undefined;
	#validUntil = 0;
	#isFrozen = false;

	private constructor(look: (before: ContentState | undefined) => ContentState) {
		this.#look = look;
	}

	/** @param look returns `before` itself if nothing changed */
	static of(look: (before: ContentState | undefined) => ContentState): Content {
		return new Content(look);
	}

	/** Combines contents whose order and paths don't matter. */
	static union(contents: readonly Content[]): Content {
		let last: readonly ContentState[] = [];
		return new Content((before) => {
			const states = contents.map((content) => content.state());
			if (before && states.every((state, index) => state === last[index])) return before;
			last = states;
			const digests = states.map(({ digest }) => digest).sort();
			return { digest: digestText(digests.join("\n")), files: states.flatMap(({ files }) => files) };
		});
	}

	state(): ContentState {
		if (this.#state && this.#isFrozen) return this.#state;
		const startedAt = performance.now();
		if (this.#state && startedAt < this.#validUntil) return this.#state;
		const before = this.#state;
		this.#state = this.#look(before);
		const endedAt = performance.now();
		// A first check reads everything, so it doesn't predict the duration of the next one.
		if (before) this.#validUntil = endedAt + patience * (endedAt - startedAt);
		return this.#state;
	}

	toJSON(): string {
		return this.state().digest;
	}

	/** Keeps the current state, because a copy does not change with its source. */
	freeze(): void {
		this.state();
		this.#isFrozen = true;
	}
}

/**
 * Caches the contents of paths, scripts and commands until they change. They are identified by
 * content, so that a source and its bundle agree despite different paths.
 */
export class ContentPrints {
	readonly #view: DiskView;
	readonly #digests = new FileDigests();
	readonly #known = new Map<string, Content>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	/** Covers a directory's whole tree. Returns a text if the content is unknown. */
	path(text: PathText, scope: EvalScope): Content | string {
		return this.#resolved(text, scope, (path) => this.content(path));
	}

	/** Not shared between workspaces: each copies the template at a different time. */
	template(text: PathText, scope: EvalScope): Content | string {
		return this.#resolved(text, scope, (path) => this.#tree(path, (name) => !/(^|\/)\.git$/.test(name)));
	}

	module(text: PathText, scope: EvalScope): Content | string {
		return this.#resolved(text, scope, (path) => this.script(path, scope));
	}

	#resolved(text: PathText, scope: EvalScope, contentOf: (path: string) => Content): Content | string {
		const { path, kind, runTime } = resolvePath(text, scope, this.#view);
		if (runTime) return `run-time ${text.raw}`;
		return kind === "missing" ? "missing" : contentOf(path);
	}

	/** Includes everything that the script imports. */
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

	command(command: CommandSpec, scope: EvalScope): unknown {
		const { words, others } = commandFiles(command, scope, this.#view);
		const directory = workingDirectory(command, scope.directory);
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
		// An unreadable file fails on use; here it only has to differ from everything else.
		if (error instanceof AgentvError) return `unreadable ${error.code}`;
		throw error;
	}
}

export interface IncludedFiles {
	readonly files: readonly string[];
	/** `.env` files that a pattern names explicitly. */
	readonly dotEnv: ReadonlySet<string>;
	readonly diagnostics: readonly Diagnostic[];
}

const maxEntries = 1_000_000;

/** A matching directory includes all its files. */
export function includedFiles(
	patterns: readonly { readonly pattern: string; readonly at: Place }[],
	exclude: readonly string[],
	directory: string,
	view: DiskView,
): IncludedFiles {
	const files = new Set<string>();
	const dotEnv = new Set<string>();
	const diagnostics: Diagnostic[] = [];
	const budget = { left: maxEntries };
	for (const { pattern, at } of patterns) {
		const goal = resolve(directory, pattern);
		if (!isInside(directory, goal.replace(/[*?[{].*$/s, ""))) {
			diagnostics.push(finding(includeAbove, { pattern }, at));
			continue;
		}
		const glob = (isAbsolute(pattern) ? relative(directory, pattern) : pattern).split(sep).join("/");
		const kind = view.kind(goal);
		const matches =
			kind === "file"
				? [goal]
				: globFiles(
						kind === "directory" ? `${escapeGlob(relative(directory, goal) || ".")}/**` : glob.replace(/^\.\//, ""),
						directory,
						{ ignore: [...exclude, ownFiles], budget },
					);
		if (matches.length === 0) diagnostics.push(finding(includeMatchesNothing, { pattern, directory }, at));
		for (const file of matches) {
			files.add(file);
			if (/(^|\/)\.env$/.test(pattern) && file.endsWith(`${sep}.env`)) dotEnv.add(file);
		}
	}
	return { files: [...files].sort(), dotEnv, diagnostics };
}

function escapeGlob(path: string): string {
	return path
		.split(sep)
		.join("/")
		.replace(/[*?[\]{}()!]/g, "\\$&");
}

const includeMatchesNothing: FindingKind<{ pattern: string; directory: string }> = {
	rule: "bundle.include",
	severity: "error",
	message: ({ pattern, directory }) => `the include ${JSON.stringify(pattern)} matches no file below ${directory}`,
};

const includeAbove: FindingKind<{ pattern: string }> = {
	rule: "bundle.include",
	severity: "error",
	message: ({ pattern }) => `the include ${JSON.stringify(pattern)} is outside the eval's directory`,
	hint: () => "included files keep their path relative to the eval, so they must be below it",
};

export interface Print {
	/** 32 hexadecimal digits. */
	readonly digest: string;
	readonly files: readonly FileVersion[];
}

const noFiles: readonly FileVersion[] = [];

/** Input of a digest. Its print is the same object while its files are unchanged. */
export class Recipe {
	readonly #redact: Redactor;
	readonly contents: readonly Content[];
	readonly #value: unknown;
	#states: readonly ContentState[] = [];
	#print: Print | undefined;

	constructor(value: unknown, redact: Redactor) {
		const contents = new Set<Content>();
		collect(value, contents);
		this.#redact = redact;
		this.contents = [...contents];
		if (contents.size > 0) this.#value = value;
		// Without files it never changes: the value need not be kept.
		else this.#print = { digest: this.#digest(value), files: noFiles };
	}

	print(): Print {
		const states = this.contents.map((content) => content.state());
		if (this.#print && states.every((state, index) => state === this.#states[index])) return this.#print;
		const files = new Map(states.flatMap((state) => state.files.map((version) => [version.path, version] as const)));
		this.#states = states;
		this.#print = { digest: this.#digest(this.#value), files: [...files.values()] };
		return this.#print;
	}

	toJSON(): string {
		return this.print().digest;
	}

	#digest(value: unknown): string {
		return digestText(this.#redact(canonicalJson(value))).slice(0, 32);
	}
}

function collect(value: unknown, found: Set<Content>): void {
	if (typeof value !== "object" || value === null) return;
	if (value instanceof Content) found.add(value);
	else if (value instanceof Recipe) for (const content of value.contents) found.add(content);
	else for (const item of Array.isArray(value) ? value : Object.values(value)) collect(item, found);
}
