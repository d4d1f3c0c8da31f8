import { resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { digestFile, digestText, digestTree } from "../io/files/digest-tree.ts";
import { type CommandSpec, fileOfWord, parseAsRun, wordBases } from "./command.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { type PathText, resolvePath } from "./path-text.ts";

/** Everything a script brings, itself included: absolute paths. */
export type ScriptFiles = (script: string, scope: EvalScope) => readonly string[];

/** Digests of what paths lead to, each looked at once: so that a source and its bundle, which name the same content differently, agree. */
export class ContentPrints {
	readonly #view: DiskView;
	readonly #scriptFiles: ScriptFiles;
	readonly #known = new Map<string, Promise<string>>();

	constructor(view: DiskView, scriptFiles: ScriptFiles) {
		this.#view = view;
		this.#scriptFiles = scriptFiles;
	}

	/** Of a file, or of a directory's whole tree. */
	async path(text: PathText, scope: EvalScope): Promise<string> {
		const { path, kind, runTime } = resolvePath(text, scope, this.#view);
		if (runTime) return `run-time ${text.raw}`;
		return kind === "missing" ? "missing" : this.content(path);
	}

	/** Of a script with everything that it imports. */
	script(file: string, scope: EvalScope): Promise<string> {
		return this.#once(`script ${file}`, async () => {
			const digests = await Promise.all(this.#scriptFiles(file, scope).map((one) => this.content(one)));
			const own = await this.content(file);
			// Sorted by content: where the files lie is what a bundle changes.
			return digestText([own, ...digests.sort()].join("\n"));
		});
	}

	/** Of a command: its words, those that name files by what these hold. */
	async command(command: CommandSpec, scope: EvalScope): Promise<unknown> {
		const parsed = parseAsRun(command);
		if (parsed.kind === "shell") return { shell: parsed.text };
		return Promise.all(
			parsed.words.map(async ({ text, index }) => {
				const file = fileOfWord(text, command, this.#view) ?? (index > 0 ? this.#bareFile(text, command) : undefined);
				if (file === undefined) return text;
				return {
					content: this.#view.kind(file) === "file" ? await this.script(file, scope) : await this.content(file),
				};
			}),
		);
	}

	/** Of an absolute path. */
	content(path: string): Promise<string> {
		return this.#once(`content ${path}`, async () => {
			try {
				if (this.#view.kind(path) !== "directory") return digestFile(path);
				const entries = await digestTree(path);
				return digestText(entries.map(({ sha256, mode, path: name }) => `${sha256}  ${mode}  ${name}\n`).join(""));
			} catch (error) {
				// What can't be read will fail where it is used; here it only is not the same as anything else.
				if (error instanceof AgentvError) return `unreadable ${error.code}`;
				throw error;
			}
		});
	}

	/** `check.py` without a slash, found in the command's directory. */
	#bareFile(word: string, command: CommandSpec): string | undefined {
		if (!/^\w[\w.-]*\.\w+$/.test(word)) return undefined;
		const file = resolve(wordBases(command)[0] ?? command.base, word);
		return this.#view.kind(file) === "file" ? file : undefined;
	}

	#once(key: string, look: () => Promise<string>): Promise<string> {
		let known = this.#known.get(key);
		if (!known) {
			known = look();
			this.#known.set(key, known);
		}
		return known;
	}
}
