import { basename } from "node:path";
import { isInside } from "../io/files/path-inside.ts";
import { type CommandSpec, parseAsRun, shellScriptIndex, shownCommand } from "./command.ts";
import { commandFiles, workingDirectory } from "./command-files.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { shownPath } from "./eval-scope.ts";
import type { ReferenceKind } from "./reference.ts";
import { scriptClosure } from "./script-closure/script-closure.ts";
import { mayBeScript } from "./script-closure/script-language.ts";

/** A dependency of results that fingerprints can't cover. */
export interface OpaqueUse {
	/** A command as written, a program, a package, or a location in a script. */
	readonly what: string;
	/** A sentence without a full stop. */
	readonly why: string;
}

const reasons = {
	shell: "it runs in a shell: only files named by its words are covered",
	inline: "code on the command line: what it imports is not followed",
	program: "a program found on PATH: its version is not covered",
	package: "a package in node_modules: its version is not covered",
	address: "content behind an address is not covered",
	tree: "the directory contains the eval itself: its files are not covered",
} as const;

/** Programs that take code as an argument, with the options for it. */
const inlineCode: readonly (readonly [RegExp, RegExp])[] = [
	[/^(node|bun|deno|tsx)$/, /^(-e|-p|--eval|--print|-pe)$/],
	[/^python[\d.]*$/, /^-c$/],
	[/^(ruby|perl|lua|php)$/, /^(-e|-r|-E)$/],
];

/** Collects what fingerprints can't see, each use once. */
export class OpaqueUses {
	readonly #view: DiskView;
	readonly #uses = new Map<string, OpaqueUse>();
	readonly #seen = new Set<string>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	get all(): readonly OpaqueUse[] {
		return [...this.#uses.values()];
	}

	command(command: CommandSpec, kind: ReferenceKind, scope: EvalScope): void {
		const key = JSON.stringify(["command", command.text, command.base, command.cwd?.raw, kind, scope.directory]);
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		const { words, others } = commandFiles(command, kind, scope, this.#view);
		const directory = workingDirectory(command, kind, scope.directory);
		for (const file of others) this.script(file, scope, directory);
		if (!words) {
			this.#add(shownCommand(command), "shell");
			return;
		}
		const parsed = parseAsRun(command);
		const texts = words.map(({ text }) => text);
		const first = texts[0] ?? "";
		if (parsed.kind === "argv" && shellScriptIndex(texts) !== undefined) this.#add(shownCommand(command), "shell");
		if (words[0]?.path === undefined && !/[/{]/.test(first)) this.#add(first, "program");
		const options = inlineCode.find(([program]) => program.test(basename(first)))?.[1];
		if (options && texts.some((text) => options.test(text))) this.#add(shownCommand(command), "inline");
		for (const { path } of words) {
			if (path === undefined) continue;
			if (this.#view.kind(path) === "file") this.script(path, scope, directory);
			else if (isInside(path, scope.directory)) this.#add(shownPath(path, scope), "tree");
		}
	}

	/** Adds a script with everything that it imports. */
	script(file: string, scope: EvalScope, directory?: string): void {
		const key = JSON.stringify(["script", file, directory]);
		if (this.#seen.has(key) || !mayBeScript(file)) return;
		this.#seen.add(key);
		const workingDirectories = directory === undefined ? [] : [directory];
		const closure = scriptClosure([file], { view: this.#view, root: scope.root, workingDirectories });
		for (const { at, message, rule } of closure.diagnostics)
			if (rule === "scripts.unknown-import")
				this.#put({ what: `${shownPath(at.file, scope)}:${at.line ?? 1}`, why: message });
		for (const name of closure.packages) this.#add(name, "package");
		for (const name of closure.programs) this.#add(name, "program");
	}

	program(name: string): void {
		this.#add(name, "program");
	}

	address(text: string): void {
		if (!text.startsWith("data:")) this.#add(text, "address");
	}

	#add(what: string, reason: keyof typeof reasons): void {
		this.#put({ what, why: reasons[reason] });
	}

	#put(use: OpaqueUse): void {
		this.#uses.set(JSON.stringify(use), use);
	}
}
