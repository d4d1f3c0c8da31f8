import { resolve } from "node:path";
import { type CommandSpec, parseAsRun, parseCommand } from "../eval/command.ts";
import { workingDirectory } from "../eval/command-files.ts";
import { type CustomAssertion, gradersOf, type LoadedEval } from "../eval/eval-types.ts";
import { customCommand } from "../eval/fingerprint.ts";
import { type ReferenceKind, stripScheme } from "../eval/read-shape.ts";
import { placeBelow, valueBelow } from "../eval/source.ts";
import type { Reference, References } from "../eval/visit.ts";
import type { Place } from "../lib/errors.ts";
import { isInside } from "../machine/files.ts";
import type { GatheredSources } from "./gather-sources.ts";
import { type Area, isRecord, type Layout, placeKey, relativeReference, type SuitePlace } from "./layout.ts";
import type { RawValues } from "./load-source.ts";
import { WrittenNumber } from "./print-yaml.ts";

function fixedStart(path: string): string | undefined {
	return /^[^{]*\//.exec(path)?.[0];
}

/** Ensures that the directories at the start of paths with a test's variables exist. */
export function anchorVariablePaths(references: References, raw: RawValues, contents: GatheredSources["areas"]): void {
	for (const { kind, at, base } of references.files) {
		const written = raw.at(at);
		if (typeof written !== "string" || !/(?<!\$)\{\{/.test(written) || kind === "tests" || kind === "metadata-file")
			continue;
		const fixed = fixedStart(stripScheme(written));
		const content = contents[areaOf(kind)];
		if (fixed !== undefined && !content.isEmpty()) content.anchors.add(resolve(base, fixed));
	}
}

/** Returns undefined if variables make the word boundaries ambiguous. */
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

function quoteWord(word: string): string {
	if (/^[\w@%+=:,./-]+$/.test(word)) return word;
	if (!word.includes("'")) return `'${word}'`;
	return word.replace(/[^\w@%+=:,./-]/g, (character) => `\\${character}`);
}

interface BundlePlaces {
	target(reference: Reference): string | undefined;
	named(kind: ReferenceKind, path: string, isDirectory: boolean): string | undefined;
	inArea(kind: ReferenceKind, path: string): string | undefined;
	workingDirectory(directory: string, bound: boolean): string;
}

export function bundlePlaces(
	gathered: GatheredSources,
	layout: Layout,
	suites: ReadonlyMap<string, SuitePlace>,
): BundlePlaces {
	const { place } = layout;
	const byDirectory = new Map([...suites.values()].map((suite) => [suite.directory, suite.bundleDirectory]));
	const { scripts } = gathered.areas;
	const named: BundlePlaces["named"] = (kind, path, isDirectory) => {
		if (kind === "template") {
			const real = gathered.templates.get(path);
			return real === undefined ? undefined : place("workspace", real);
		}
		// Without anything else that is needed, a directory with the eval maps to the bundle.
		if (areaOf(kind) === "scripts" && isDirectory && !scripts.hasBelow(path))
			return [...byDirectory.keys()].some((directory) => isInside(path, directory)) ? "" : undefined;
		return place(areaOf(kind), path);
	};
	return {
		inArea: (kind, path) => place(areaOf(kind), path),
		named,
		target({ kind, state, resolved, onDisk }) {
			if (state === "missing" || state === "run-time" || state === "opaque") return undefined;
			return named(kind, resolved, onDisk === "directory");
		},
		workingDirectory(directory, bound) {
			const own = byDirectory.get(directory);
			if (own !== undefined && !bound) return own;
			return scripts.hasBelow(directory) ? (place("scripts", directory) ?? "") : "";
		},
	};
}

function areaOf(kind: ReferenceKind): Area {
	if (kind === "template") return "workspace";
	return /^(input-file|prompt|fixtures|agent-rules)$/.test(kind) ? "data" : "scripts";
}

interface ReferenceIndex {
	/** Several references if the text depends on a test's variables. */
	readonly paths: ReadonlyMap<string, readonly Reference[]>;
	readonly commands: ReadonlyMap<string, readonly CommandSpec[]>;
	/** The key is the command's place, followed by the word's index. */
	readonly words: ReadonlyMap<string, readonly Reference[]>;
	readonly customs: ReadonlyMap<string, CustomAssertion>;
	/** Files whose content replaces their path: an assertion include, an external workspace. */
	readonly inlined: ReadonlyMap<string, string>;
	/** Evals of `imports.suites`. */
	readonly suites: ReadonlyMap<string, string>;
}

const rewritten = /^(template|input-file|prompt|fixtures|extension|agent-rules|working-directory)$/;

export function indexReferences(loaded: LoadedEval, references: References): ReferenceIndex {
	const paths = new Map<string, Reference[]>();
	const words = new Map<string, Reference[]>();
	const commands = new Map<string, CommandSpec[]>();
	const add = <Item>(lists: Map<string, Item[]>, key: string, item: Item) => {
		const list = lists.get(key);
		if (list) list.push(item);
		else lists.set(key, [item]);
	};
	for (const reference of references.files) {
		const { word, command, kind, at } = reference;
		if (word && command) add(words, placeKey(command.at, word.index), reference);
		else if (rewritten.test(kind)) add(paths, placeKey(at), reference);
	}
	for (const use of references.commands) add(commands, placeKey(use.at), use);
	const customs = new Map<string, CustomAssertion>();
	for (const grader of gradersOf(loaded.tests)) if (grader.type === "custom") customs.set(placeKey(grader.at), grader);
	const filesOf = (kinds: RegExp) =>
		new Map(
			loaded.files.flatMap(({ path, resolved }) =>
				kinds.test(path.kind) ? [[placeKey(path.at), resolved] as const] : [],
			),
		);
	return {
		paths,
		words,
		commands,
		customs,
		inlined: filesOf(/^(include|workspace-file)$/),
		suites: filesOf(/^suite$/),
	};
}

export interface RewriteInput {
	readonly raw: RawValues;
	readonly index: ReferenceIndex;
	readonly places: BundlePlaces;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	/** Must run in the copy of their working directory. */
	readonly bound: ReadonlySet<CommandSpec>;
	readonly evalDirectory: string;
	readonly settled: SettledTexts;
}

/** Texts that differ between bundle and source, by `placeKey`. */
interface SettledTexts {
	/** Target names selected by variables, pinned commits. */
	readonly texts: ReadonlyMap<string, string>;
	readonly paths: ReadonlyMap<string, string>;
	readonly added: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** These can have a sibling `cwd`; a command under another key becomes a mapping. */
const commandKeys = new Set(["command", "script", "path"]);
const commitKeys = new Set(["commit", "base_commit", "ref"]);

export class Rewriter {
	readonly #input: RewriteInput;
	readonly #directory: string;

	/** @param directory of the bundle file with the values */
	constructor(input: RewriteInput, directory: string) {
		this.#input = input;
		this.#directory = directory;
	}

	value(at: Place): unknown {
		return this.#rewrite(this.#input.raw.at(at), at);
	}

	mapping(entries: ReadonlyMap<string, Place>): Record<string, unknown> {
		const written = new Map([...entries].map(([key, at]) => [key, this.#input.raw.at(at)]));
		return this.#entries(written, (key) => entries.get(key) as Place);
	}

	#rewrite(value: unknown, at: Place): unknown {
		const { index, settled } = this.#input;
		const key = placeKey(at);
		const [use] = index.commands.get(key) ?? [];
		if (use && (typeof value === "string" || Array.isArray(value))) return this.#bareCommand(value, use, at);
		if (typeof value === "string") {
			const inlined = index.inlined.get(key);
			if (inlined !== undefined) return this.#workspaceFile(inlined);
			const suite = this.#input.suites.get(index.suites.get(key) ?? "");
			const path = suite?.bundleFile ?? settled.paths.get(key);
			if (path !== undefined) return relativeReference(this.#directory, path);
			return settled.texts.get(key) ?? this.#path(value, index.paths.get(key)) ?? value;
		}
		if (typeof value === "number") {
			const written = this.#input.raw.written(at);
			if (written === undefined || written === String(value)) return value;
			// YAML parses a commit of only digits as a number, and would lose most of them.
			return commitKeys.has(String(at.path?.at(-1))) ? written : new WrittenNumber(written, value);
		}
		if (Array.isArray(value)) return value.flatMap((item, position) => this.#item(item, placeBelow(at, position)));
		if (!isRecord(value)) return value;
		return this.#entries(new Map(Object.entries(value)), (key) => placeBelow(at, key), at);
	}

	#item(item: unknown, at: Place): unknown[] {
		const included = isRecord(item) ? this.#input.index.inlined.get(placeKey(at, "include")) : undefined;
		return included === undefined ? [this.#rewrite(item, at)] : this.includedAssertions(included);
	}

	/** Plain strings of an include form one grader, and must do so in another list. */
	includedAssertions(file: string): unknown[] {
		const document = this.#input.raw.document(file);
		const path = Array.isArray(document) ? [] : ["assertions"];
		const list = valueBelow(document, path);
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
			(key) => commandKeys.has(key) && index.commands.has(placeKey(placeOf(key))),
		);
		const [use] = (commandKey !== undefined && index.commands.get(placeKey(placeOf(commandKey)))) || [];
		const custom = self && index.customs.get(placeKey(self));
		const cwd = use ? this.#cwd(use) : custom && this.#cwd(customCommand(custom));
		for (const [key, value] of values) {
			if (key === commandKey && use) result[key] = this.#command(value, use, placeOf(key), cwd);
			else result[key] = this.#rewrite(value, placeOf(key));
		}
		if (self) Object.assign(result, this.#input.settled.added.get(placeKey(self)));
		if (cwd !== undefined && (values.has("cwd") || cwd !== this.#directory))
			result.cwd = relativeReference(this.#directory, cwd);
		return result;
	}

	/** A hook or health check becomes a mapping if it needs a working directory. */
	#bareCommand(value: string | unknown[], use: CommandSpec, at: Place): unknown {
		const cwd = this.#cwd(use);
		const command = this.#command(value, use, at, cwd);
		if (cwd === undefined || cwd === this.#directory) return command;
		return { command, cwd: relativeReference(this.#directory, cwd) };
	}

	#cwd(command: CommandSpec): string | undefined {
		if (command.kind === "target-command" && !command.cwd) return undefined;
		const directory = workingDirectory(command, this.#input.evalDirectory);
		if (directory === undefined) return undefined;
		const [reference] = (command.cwd && this.#input.index.paths.get(placeKey(command.cwd.at))) ?? [];
		// A working directory of the machine, outside the repository, stays unchanged.
		if (reference && this.#input.places.target(reference) === undefined && reference.state === "outside-root")
			return undefined;
		return this.#input.places.workingDirectory(reference?.resolved ?? directory, this.#input.bound.has(command));
	}

	/** Keeps the prefix `file://` and an extension's suffix `:beforeAll`. */
	#path(written: string, references: readonly Reference[] = [], from = this.#directory): string | undefined {
		const [first] = references;
		if (!first) return undefined;
		const suffix = first.kind === "extension" ? (/:[A-Za-z]+$/.exec(written)?.[0] ?? "") : "";
		const scheme = written.startsWith("file://") ? "file://" : "";
		const path = this.#target(written.slice(scheme.length, written.length - suffix.length), references, from);
		if (path === undefined) return undefined;
		// Without a slash it would not be a path.
		return `${scheme}${/^\.{1,2}$/.test(path) ? `${path}/` : path}${suffix}`;
	}

	/** Only rewrites the part before the first test variable: the relative structure is kept. */
	#target(written: string, references: readonly Reference[], from: string): string | undefined {
		const { places } = this.#input;
		const targets = new Set(references.map((reference) => places.target(reference)));
		const [only] = targets;
		if (targets.size === 1) return only === undefined ? undefined : relativeReference(from, only);
		const [first] = references;
		const fixed = fixedStart(written);
		if (!first || !written.includes("{{") || fixed === undefined) return undefined;
		const place = places.inArea(first.kind, resolve(first.base, stripScheme(fixed)));
		return place === undefined ? undefined : `${relativeReference(from, place)}/${written.slice(fixed.length)}`;
	}

	#command(value: unknown, use: CommandSpec, at: Place, cwd: string | undefined): unknown {
		const { words } = this.#input.index;
		// A bare `check.py` stays unchanged: the command runs in its directory.
		const word = (text: string, position: number) =>
			/[/\\]/.test(text) ? this.#path(text, words.get(placeKey(at, position)), cwd) : undefined;
		if (Array.isArray(value))
			return value.map((text, position) => (typeof text === "string" ? (word(text, position) ?? text) : text));
		if (typeof value !== "string") return value;
		const parsed = parseAsRun(use);
		if (parsed.kind === "shell") return value;
		const replaced = new Map<number, string>();
		for (const { text, index: position } of parsed.words) {
			const rewritten = word(text, position);
			if (rewritten !== undefined) replaced.set(position, rewritten);
		}
		return replaced.size === 0 ? value : (replaceWords(value, replaced) ?? value);
	}
}
