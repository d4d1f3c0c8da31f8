import type { Place } from "../base/diagnostic.ts";
import { toWireKey } from "../schema/wire-object.ts";
import { type CommandSpec, parseAsRun, shownCommand } from "./command.ts";
import type { Assertion, Hooks, LoadedEval, Suite, Workspace } from "./eval-types.ts";
import { hookNames } from "./eval-types.ts";
import { stripScheme } from "./path-text.ts";
import type { ResolvedTarget } from "./resolve-target.ts";

/** A program that an eval runs on this machine. */
export interface ExecutedCommand {
	readonly kind: "hook" | "extension" | "preprocessor" | "grader" | "prompt" | "target" | "healthcheck";
	/** `before_each`, the grader's or the target's name. */
	readonly name: string;
	/** As written: a command line with `${{ }}`, or the path of a program or module. */
	readonly text: string;
	/** Run by a shell: the files that it uses are unknown. */
	readonly shell: boolean;
	readonly at: Place;
}

/** Returns everything that running `loaded` on `targets` executes, in run order, each once. */
export function executedCommands(loaded: LoadedEval, targets: readonly ResolvedTarget[]): ExecutedCommand[] {
	const list = new Executed();
	const suites = new Set<Suite>([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	for (const suite of suites) list.suite(suite);
	for (const test of loaded.tests) if (test.workspace) list.workspace(test.workspace);
	for (const target of targets) list.target(target);
	for (const test of loaded.tests)
		for (const assertion of [...test.assertions, ...test.turns.flatMap((turn) => turn.assertions)])
			list.assertion(assertion);
	return list.all;
}

class Executed {
	readonly all: ExecutedCommand[] = [];
	readonly #seen = new Set<string>();
	readonly #assertions = new Set<Assertion>();

	suite(suite: Suite): void {
		for (const extension of suite.extensions)
			if (extension.kind === "module")
				this.#add("extension", extension.exportName, stripScheme(extension.module.raw), false, extension.at);
		if (suite.workspace) this.workspace(suite.workspace);
		for (const { type, command } of suite.preprocessors) this.#command("preprocessor", type, command);
	}

	workspace({ hooks }: Workspace): void {
		this.#hooks(hooks, "");
	}

	target(target: ResolvedTarget): void {
		if (target.healthcheck) this.#command("healthcheck", target.name, target.healthcheck);
		this.#hooks(target.hooks, `${target.name} `);
		if (target.command) this.#command("target", target.name, target.command);
		else if ("executable" in target.settings && target.settings.executable !== undefined)
			this.#add("target", target.name, target.settings.executable, false, target.at);
	}

	assertion(assertion: Assertion): void {
		if (this.#assertions.has(assertion)) return;
		this.#assertions.add(assertion);
		if (assertion.type === "custom") this.#add("grader", assertion.name, assertion.program, false, assertion.at);
		if (assertion.command)
			this.#command(assertion.type === "llm-grader" ? "prompt" : "grader", assertion.name, assertion.command);
		for (const part of assertion.parts ?? []) this.assertion(part);
	}

	#hooks(hooks: Hooks, prefix: string): void {
		for (const name of hookNames) {
			const command = hooks[name]?.command;
			if (command) this.#command("hook", `${prefix}${toWireKey(name)}`, command);
		}
	}

	#command(kind: ExecutedCommand["kind"], name: string, command: CommandSpec): void {
		this.#add(kind, name, shownCommand(command), parseAsRun(command).kind === "shell", command.at);
	}

	#add(kind: ExecutedCommand["kind"], name: string, text: string, shell: boolean, at: Place): void {
		const key = JSON.stringify([kind, name, text, at.file]);
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		this.all.push({ kind, name, text, shell, at });
	}
}
