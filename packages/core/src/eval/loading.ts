import { AgentvError, type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { mostInserted, type TextBudget, textLimit } from "../lib/interpolate.ts";
import type { Environment } from "../machine/environment.ts";
import type { GlobBudget } from "../machine/find-files.ts";
import { type EvalScope, shownPath } from "./discover-evals.ts";
import type { LoadedFile } from "./eval-types.ts";
import { notText, pathMissing, schemaShape, unreadable } from "./load-findings.ts";
import { type NamedPath, outOfReach, type PathText, referenceNoun, resolvePath } from "./read-shape.ts";
import { type DiskView, readSource, type Source, textSource } from "./source.ts";

export interface ComparedField {
	readonly path: string;
	readonly at: Place;
	isPresent: boolean;
	/** Candidates for the nearest name. */
	readonly known: Set<string>;
	references: number;
}

export class Loading {
	readonly diagnostics: Diagnostic[] = [];
	/** Tests that depend on one of these are not wrong because of that. */
	readonly failedTests = new Set<string>();
	readonly sources = new Map<string, Source>();
	/** Prompts; they are read as plain text. */
	readonly texts = new Map<string, Source>();
	readonly comparedFields = new Map<string, ComparedField>();
	readonly files: LoadedFile[] = [];
	/** One pattern that starts at the root of the disk would never end. */
	readonly globBudget: GlobBudget = { left: 50_000 };
	readonly #textBudget: TextBudget = { left: mostInserted };
	readonly view: DiskView;
	readonly env: Environment;
	readonly scope: EvalScope;

	readonly #reported = new Set<string>();
	readonly #shownFrom: EvalScope;

	/** @param shownFrom the scope of the importing eval, if this one is imported */
	constructor(view: DiskView, env: Environment, scope: EvalScope, shownFrom = scope) {
		this.view = view;
		this.env = env;
		this.scope = scope;
		this.#shownFrom = shownFrom;
	}

	imported(scope: EvalScope): Loading {
		return new Loading(this.view, this.env, scope, this.#shownFrom);
	}

	/** Returns false once the eval's budget for inserted text is exhausted. */
	mayInsert(characters: number, at: Place): boolean {
		this.#textBudget.left -= characters;
		if (this.#textBudget.left >= 0) return true;
		this.report(finding(textLimit, { allowed: mostInserted }, { file: at.file, path: [] }));
		return false;
	}

	/** Adds a finding once: a part that is parsed again by a narrower schema reports again. */
	report(diagnostic: Diagnostic): void {
		const key = findingKey(diagnostic);
		if (this.#reported.has(key)) return;
		this.#reported.add(key);
		this.diagnostics.push(diagnostic);
	}

	shape(at: Place, field: string, message: string): void {
		this.report(finding(schemaShape, { field, message }, at));
	}

	read(file: string, at: Place): Source | undefined {
		const known = this.sources.get(file);
		if (known) return known;
		// Imported suites are checked where they are referenced.
		if (this.refuses(file, { raw: this.shown(file), kind: at.file === file ? "eval" : "file", at })) return undefined;
		try {
			return this.add(readSource(file, this.view, this.env));
		} catch (error) {
			return this.#unreadable(file, at, error);
		}
	}

	text(file: string, at: Place): string | undefined {
		try {
			return this.view.readText(file);
		} catch (error) {
			return this.#unreadable(file, at, error);
		}
	}

	/** Keeps the text for locating findings in it. */
	plainText(file: string, at: Place): string | undefined {
		const known = this.texts.get(file);
		if (known) return known.text;
		const text = this.text(file, at);
		if (text !== undefined) this.texts.set(file, textSource(file, text));
		return text;
	}

	add(source: Source): Source {
		this.sources.set(source.file, source);
		for (const diagnostic of source.diagnostics) this.report(diagnostic);
		return source;
	}

	/** Also records the path, and reports it if it is missing. */
	resolve(path: PathText): string | undefined {
		const resolved = resolvePath(path, this.scope, this.view);
		this.files.push({ path, resolved: resolved.path });
		if (resolved.found !== undefined)
			return this.refuses(resolved.path, { ...path, kind: referenceNoun(path) }) ? undefined : resolved.path;
		this.report(
			finding(pathMissing, { raw: path.raw, kind: referenceNoun(path), lookedIn: this.shown(path.base) }, path.at),
		);
		return undefined;
	}

	open(path: PathText): { source: Source; resolved: string } | undefined {
		const resolved = this.resolve(path);
		const source = resolved === undefined ? undefined : this.read(resolved, path.at);
		return source && resolved !== undefined ? { source, resolved } : undefined;
	}

	describe(place: Place): string {
		const range = this.sources.get(place.file)?.locate(place);
		return range ? `${this.shown(place.file)}:${range.start.line}` : this.shown(place.file);
	}

	shown(path: string): string {
		return shownPath(path, this.#shownFrom);
	}

	/** Reports a file that a run may not read. */
	refuses(file: string, named: NamedPath): boolean {
		const refused = outOfReach(file, named, this.scope);
		if (refused) this.report(refused);
		return refused !== undefined;
	}

	#unreadable(file: string, at: Place, error: unknown): undefined {
		if (!(error instanceof AgentvError)) throw error;
		const reason = error.message.replaceAll(file, this.shown(file));
		this.report(finding(this.view.kind(file) === "file" ? notText : unreadable, { file, reason }, at));
		return undefined;
	}
}

/** Identical findings at the same location have equal keys. */
export function findingKey({ rule, message, at }: Diagnostic): string {
	return [rule, message, at.file, at.line ?? "", at.part ?? "", ...(at.range ?? []), ...(at.path ?? [])].join("\0");
}
