import type { Place } from "../base/diagnostic.ts";
import type { CommandSpec } from "../model/command.ts";
import { parseAsRun } from "../model/command.ts";
import { workingDirectory } from "../model/command-files.ts";
import type { CommandUse, ReferenceKind } from "../model/reference.ts";
import type { BundlePlaces } from "./bundle-places.ts";
import { relativeReference } from "./layout.ts";
import { isRecord, placeKey, type RawValues, valueAt } from "./raw-values.ts";
import { customCommand, type ReferenceIndex } from "./reference-index.ts";
import { replaceWords, rewritePath } from "./rewrite-text.ts";
import type { SuitePlace } from "./suite-places.ts";
import { WrittenNumber } from "./written-number.ts";

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
