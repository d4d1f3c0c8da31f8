import { resolve } from "node:path";
import { type CommandSpec, parseAsRun, parseCommand } from "../eval/command.ts";
import { workingDirectory } from "../eval/command-files.ts";
import { stripScheme } from "../eval/read-shape.ts";
import type { CommandUse, Reference, ReferenceKind, References } from "../eval/references.ts";
import type { Place } from "../lib/errors.ts";
import { isInside } from "../machine/files.ts";
import { customCommand, type GatheredSources, type ReferenceIndex } from "./gather-sources.ts";
import {
	type Area,
	isRecord,
	type Layout,
	placeKey,
	type RawValues,
	relativeReference,
	type SuitePlace,
	valueAt,
} from "./layout.ts";
import { WrittenNumber } from "./print-yaml.ts";

/** `file://` stays in front of what had it, an extension's `:beforeAll` behind. */
function rewritePath(
	written: string,
	references: readonly Reference[],
	from: string,
	places: BundlePlaces,
): string | undefined {
	const [first] = references;
	if (!first) return undefined;
	const suffix = first.kind === "extension" ? (/:[A-Za-z]+$/.exec(written)?.[0] ?? "") : "";
	const scheme = written.startsWith("file://") ? "file://" : "";
	const path = rewriteTarget(written.slice(scheme.length, written.length - suffix.length), references, from, places);
	if (path === undefined) return undefined;
	// A word without a slash would be no path.
	return `${scheme}${/^\.{1,2}$/.test(path) ? `${path}/` : path}${suffix}`;
}

/**
 * What a path is in the bundle. Where a test's variables make several paths of one text, the part before the first variable is
 * rewritten and the rest stays: relative structure is kept, so that all of them are right.
 */
function rewriteTarget(
	written: string,
	references: readonly Reference[],
	from: string,
	places: BundlePlaces,
): string | undefined {
	const targets = new Set(references.map((reference) => places.target(reference)));
	const [only] = targets;
	if (targets.size === 1) return only === undefined ? undefined : relativeReference(from, only);
	const [first] = references;
	const fixed = /^[^{]*\//.exec(written)?.[0];
	if (!first || !written.includes("{{") || fixed === undefined) return undefined;
	const directory = resolve(first.base, stripScheme(fixed));
	const place = places.inArea(first.kind, directory);
	return place === undefined ? undefined : `${relativeReference(from, place)}/${written.slice(fixed.length)}`;
}

/** Gives the directories a place that paths with a test's variables begin with. */
export function anchorVariablePaths(references: References, raw: RawValues, contents: GatheredSources["areas"]): void {
	for (const { kind, at, base } of references.files) {
		const written = raw.at(at);
		if (typeof written !== "string" || !/(?<!\$)\{\{/.test(written) || kind === "tests" || kind === "metadata-file")
			continue;
		const fixed = /^[^{]*\//.exec(stripScheme(written))?.[0];
		const content = contents[areaOf(kind)];
		if (fixed !== undefined && !content.isEmpty()) content.anchors.add(resolve(base, fixed));
	}
}

/**
 * A string command with some of its words replaced (`replaced` by index), everything else as it was written. Undefined where
 * its words can't be told apart before its variables are replaced.
 */
function replaceWords(written: string, replaced: ReadonlyMap<number, string>): string | undefined {
	const parsed = parseCommand(written);
	if (parsed.kind === "shell") return undefined;
	let text = "";
	let done = 0;
	for (const word of parsed.words) {
		const replacement = replaced.get(word.index);
		if (replacement === undefined) continue;
		text += written.slice(done, word.range[0]) + quoteWord(replacement);
		done = word.range[1];
	}
	return text + written.slice(done);
}

/** A word as a command line says it, so that it is read back as it is. */
export function quoteWord(word: string): string {
	if (/^[\w@%+=:,./-]+$/.test(word)) return word;
	if (!word.includes("'")) return `'${word}'`;
	return word.replace(/[^\w@%+=:,./-]/g, (character) => `\\${character}`);
}

/** Where references lead inside the bundle. */
export interface BundlePlaces {
	/** Bundle path of what a reference names; undefined where nothing is copied for it. */
	target(reference: Reference): string | undefined;
	/** The same for an absolute path. */
	named(kind: Reference["kind"], path: string, isDirectory: boolean): string | undefined;
	/** Bundle path of a source path in the area that a reference's kind belongs to. */
	inArea(kind: Reference["kind"], path: string): string | undefined;
	/** The bundle directory that stands for a directory in which a command runs. */
	workingDirectory(directory: string, bound: boolean): string;
}

export function bundlePlaces(
	gathered: GatheredSources,
	layout: Layout,
	suites: ReadonlyMap<string, SuitePlace>,
): BundlePlaces {
	const place = (area: Area, path: string): string | undefined => {
		const top = layout.top(area);
		return top !== undefined && isInside(top, path) ? layout.place(area, path) : undefined;
	};
	const inArea: BundlePlaces["inArea"] = (kind, path) => place(areaOf(kind), path);
	const byDirectory = new Map([...suites.values()].map((suite) => [suite.directory, suite.bundleDirectory]));
	const { scripts } = gathered.areas;
	const named: BundlePlaces["named"] = (kind, path, isDirectory) => {
		if (kind === "template") {
			const real = gathered.templates.get(path);
			return real === undefined ? undefined : place("workspace", real);
		}
		if (areaOf(kind) === "scripts" && isDirectory && !scripts.hasBelow(path))
			// Of a directory that holds the eval nothing else may be needed: then the bundle stands for it.
			return [...byDirectory.keys()].some((directory) => isInside(path, directory)) ? "" : undefined;
		return place(areaOf(kind), path);
	};
	return {
		inArea,
		named,
		target({ kind, state, resolved, onDisk }) {
			if (state === "missing" || state === "run-time" || state === "opaque") return undefined;
			return named(kind, resolved, onDisk === "directory");
		},
		workingDirectory(directory, bound) {
			const own = byDirectory.get(directory);
			if (own !== undefined && !bound) return own;
			return gathered.areas.scripts.hasBelow(directory) ? (place("scripts", directory) ?? "") : "";
		},
	};
}

/** The area that what a kind of reference names goes to. */
function areaOf(kind: Reference["kind"]): Area {
	switch (kind) {
		case "template":
			return "workspace";
		case "input-file":
		case "prompt":
		case "fixtures":
		case "agent-rules":
			return "data";
		default:
			return "scripts";
	}
}

export interface RewriteInput {
	readonly raw: RawValues;
	readonly index: ReferenceIndex;
	readonly places: BundlePlaces;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	/** Commands that must run in the copy of their working directory. */
	readonly bound: ReadonlySet<CommandSpec>;
	readonly evalDirectory: string;
	readonly settled: SettledTexts;
}

/** Texts that the bundle says otherwise than the source, by `placeKey`. */
export interface SettledTexts {
	/** Target names that variables chose, commits that were pinned. */
	readonly texts: ReadonlyMap<string, string>;
	/** Bundle paths of vendored repositories. */
	readonly paths: ReadonlyMap<string, string>;
	/** Entries that a mapping gets. */
	readonly added: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Keys that hold a command and have `cwd` beside them; a command under another key becomes a mapping to get one. */
const commandKeys = new Set(["command", "script", "path"]);
const commitKeys = new Set(["commit", "base_commit", "ref"]);

/** Produces the values of a file of the bundle from those of the source: paths, commands and working directories rewritten. */
export class Rewriter {
	readonly #input: RewriteInput;
	readonly #directory: string;

	/** `directory` is that of the bundle file in which the values will stand. */
	constructor(input: RewriteInput, directory: string) {
		this.#input = input;
		this.#directory = directory;
	}

	/** What stands at `at` in the source, as the bundle says it. */
	value(at: Place): unknown {
		return this.#rewrite(this.#input.raw.at(at), at);
	}

	/** A mapping whose entries come from several places. */
	mapping(entries: ReadonlyMap<string, Place>): Record<string, unknown> {
		const written = new Map([...entries].map(([key, at]) => [key, this.#input.raw.at(at)]));
		return this.#entries(written, (key) => entries.get(key) as Place);
	}

	#rewrite(value: unknown, at: Place): unknown {
		const { index, settled } = this.#input;
		const [use] = index.commands(at);
		if (use && (typeof value === "string" || Array.isArray(value))) return this.#bareCommand(value, use, at);
		if (typeof value === "string") {
			const inlined = index.inlined(at);
			if (inlined !== undefined) return this.#workspaceFile(inlined);
			const suite = this.#input.suites.get(index.suite(at) ?? "");
			if (suite) return relativeReference(this.#directory, suite.bundleFile);
			const text = settled.texts.get(placeKey(at));
			if (text !== undefined) return text;
			const path = settled.paths.get(placeKey(at));
			if (path !== undefined) return relativeReference(this.#directory, path);
			return rewritePath(value, index.paths(at), this.#directory, this.#input.places) ?? value;
		}
		// A commit of digits alone is a number to YAML, and would lose most of them.
		if (typeof value === "number" && commitKeys.has(String(at.path?.at(-1))))
			return this.#input.raw.written(at) ?? value;
		if (typeof value === "number") {
			const written = this.#input.raw.written(at);
			return written === undefined || written === String(value) ? value : new WrittenNumber(written, value);
		}
		if (Array.isArray(value)) return value.flatMap((item, position) => this.#item(item, below(at, position)));
		if (!isRecord(value)) return value;
		return this.#entries(new Map(Object.entries(value)), (key) => below(at, key), at);
	}

	/** A list item; an assertion include becomes what it includes. */
	#item(item: unknown, at: Place): unknown[] {
		const included = isRecord(item) ? this.#input.index.inlined(below(at, "include")) : undefined;
		return included === undefined ? [this.#rewrite(item, at)] : this.includedAssertions(included);
	}

	/** The entries of an include file. Its plain strings form one grader there, and must go on doing so in another list. */
	includedAssertions(file: string): unknown[] {
		const document = this.#input.raw.document(file);
		const path = Array.isArray(document) ? [] : ["assertions"];
		const list = valueAt(document, path);
		if (!Array.isArray(list)) return [];
		const criteria = list.filter((entry) => typeof entry === "string" && entry.trim() !== "");
		const entries = list.flatMap((entry, position) =>
			criteria.includes(entry) ? [] : this.#item(entry, { file, path: [...path, position] }),
		);
		if (criteria.length === 0) return entries;
		return [...entries, { type: "rubrics", weight: criteria.length, criteria }];
	}

	#workspaceFile(file: string): unknown {
		const document = this.#input.raw.document(file);
		const nested = isRecord(document) && document.workspace !== undefined;
		return this.value({ file, path: nested ? ["workspace"] : [] });
	}

	#entries(
		values: ReadonlyMap<string, unknown>,
		placeOf: (key: string) => Place,
		self?: Place,
	): Record<string, unknown> {
		const { index } = this.#input;
		const result: Record<string, unknown> = {};
		const commandKey = [...values.keys()].find(
			(key) => commandKeys.has(key) && index.commands(placeOf(key)).length > 0,
		);
		const [use] = commandKey === undefined ? [] : index.commands(placeOf(commandKey));
		const custom = self && index.custom(self);
		const cwd = use
			? this.#cwd(use.command, use.kind)
			: custom
				? this.#cwd(customCommand(custom), "custom-grader")
				: undefined;
		for (const [key, value] of values) {
			if (key === commandKey && use) result[key] = this.#command(value, use, placeOf(key), cwd);
			else result[key] = this.#rewrite(value, placeOf(key));
		}
		if (self) Object.assign(result, this.#input.settled.added.get(placeKey(self)));
		if (cwd !== undefined && (values.has("cwd") || cwd !== this.#directory))
			result.cwd = relativeReference(this.#directory, cwd);
		return result;
	}

	/** A command that stands for itself (a hook, a health check): it becomes a mapping where it has to say where it runs. */
	#bareCommand(value: string | unknown[], use: CommandUse, at: Place): unknown {
		const cwd = this.#cwd(use.command, use.kind);
		const command = this.#command(value, use, at, cwd);
		if (cwd === undefined || cwd === this.#directory) return command;
		return { command, cwd: relativeReference(this.#directory, cwd) };
	}

	#cwd(command: CommandSpec, kind: ReferenceKind): string | undefined {
		if (kind === "target-command" && !command.cwd) return undefined;
		const directory = workingDirectory(command, kind, this.#input.evalDirectory);
		if (directory === undefined) return undefined;
		const [reference] = command.cwd ? this.#input.index.paths(command.cwd.at) : [];
		// A working directory outside of the repository that belongs to the machine stays as it is.
		if (reference && this.#input.places.target(reference) === undefined && reference.state === "outside-root")
			return undefined;
		return this.#input.places.workingDirectory(reference?.resolved ?? directory, this.#input.bound.has(command));
	}

	#command(value: unknown, use: CommandUse, at: Place, cwd: string | undefined): unknown {
		const { index, places } = this.#input;
		const from = cwd ?? this.#directory;
		// A bare `check.py` stays as it is: the command runs where it lies.
		const word = (text: string, position: number) =>
			/[/\\]/.test(text) ? rewritePath(text, index.words(at, position), from, places) : undefined;
		if (Array.isArray(value))
			return value.map((text, position) => (typeof text === "string" ? (word(text, position) ?? text) : text));
		if (typeof value !== "string") return value;
		const parsed = parseAsRun(use.command);
		if (parsed.kind === "shell") return value;
		const replaced = new Map<number, string>();
		for (const { text, index: position } of parsed.words) {
			const rewritten = word(text, position);
			if (rewritten !== undefined) replaced.set(position, rewritten);
		}
		return replaced.size === 0 ? value : (replaceWords(value, replaced) ?? value);
	}
}

/** The place of an entry or item below `at`. */
export function below(at: Place, key: string | number): Place {
	return { ...at, path: [...(at.path ?? []), key] };
}
