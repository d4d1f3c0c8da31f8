import { extname } from "node:path";
import type { EvalScope } from "../model/eval-scope.ts";
import {
	type Assertion,
	type Extension,
	type Hooks,
	hookNames,
	type Message,
	type Suite,
	type TestCase,
	type Workspace,
	withParts,
	withTurns,
} from "../model/eval-types.ts";
import { executableOf } from "../model/fingerprint.ts";
import { agentPrograms, typeScriptRunners } from "../model/needed-programs.ts";
import { type OpaqueUse, OpaqueUses } from "../model/opaque-uses.ts";
import { isAddress, resolvePath } from "../model/path-text.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { RunPlan } from "./run-plan.ts";

/** Finds what the results of a plan depend on and what fingerprints can't cover. Runs nothing. */
export function opaqueParts(plan: RunPlan): readonly OpaqueUse[] {
	const walk = new Walk(plan);
	for (const { test, target, assertions, eval: of } of plan.cases) {
		for (const one of [target.target, ...target.fallbacks]) walk.target(one, of.scope);
		walk.test(test);
		for (const assertion of withTurns(assertions, test)) walk.assertion(assertion, test.suite.scope);
	}
	for (const { target, eval: of } of plan.graderTargets) walk.target(target, of.scope);
	return walk.uses.all;
}

class Walk {
	readonly uses: OpaqueUses;
	readonly #plan: RunPlan;
	/** Most tests share their suite, targets and graders. */
	readonly #seen = new Set<Suite | TestCase | Workspace | ResolvedTarget | Assertion>();

	constructor(plan: RunPlan) {
		this.#plan = plan;
		this.uses = new OpaqueUses(plan.view);
	}

	target(target: ResolvedTarget, scope: EvalScope): void {
		if (this.#isSeen(target)) return;
		const own = agentPrograms[target.provider];
		const executable = executableOf(target);
		if (executable) this.uses.command(executable, "target-command", scope);
		else if (own !== undefined)
			this.uses.program(("executable" in target.settings ? target.settings.executable : undefined) ?? own);
		if (target.command) this.uses.command(target.command, "target-command", scope);
		this.#hooks(target.hooks, scope);
	}

	test(test: TestCase): void {
		if (this.#isSeen(test)) return;
		const { suite, workspace, input, turns } = test;
		this.#messages([...input, ...turns.flatMap((turn) => turn.input)]);
		if (workspace) this.#workspace(workspace, suite.scope);
		if (this.#isSeen(suite)) return;
		if (suite.workspace) this.#workspace(suite.workspace, suite.scope);
		for (const { command } of suite.preprocessors) this.uses.command(command, "preprocessor", suite.scope);
		for (const extension of suite.extensions) this.#extension(extension, suite.scope);
	}

	assertion(assertion: Assertion, scope: EvalScope): void {
		if (this.#isSeen(assertion)) return;
		for (const part of withParts([assertion])) {
			if (part.type === "custom") this.#program(part.program, scope);
			const kind = part.type === "llm-grader" ? "prompt-command" : "grader";
			if (part.command) this.uses.command(part.command, kind, scope);
		}
	}

	#messages(messages: readonly Message[]): void {
		for (const { content } of messages) {
			if (typeof content === "string") continue;
			for (const piece of content)
				if (piece.type !== "text" && isAddress(piece.path.raw)) this.uses.address(piece.path.raw);
		}
	}

	#workspace(workspace: Workspace, scope: EvalScope): void {
		if (!this.#isSeen(workspace)) this.#hooks(workspace.hooks, scope);
	}

	#hooks(hooks: Hooks, scope: EvalScope): void {
		for (const name of hookNames) {
			const command = hooks[name]?.command;
			if (command) this.uses.command(command, "hook", scope);
		}
	}

	#extension(extension: Extension, scope: EvalScope): void {
		if (extension.kind !== "module") return;
		const { path, kind } = resolvePath(extension.module, scope, this.#plan.view);
		if (kind === "file") this.#program(path, scope);
	}

	/** A script without a command of its own: Node is AgentV's, whose version `run.json` holds. */
	#program(file: string, scope: EvalScope): void {
		this.uses.script(file, scope);
		const interpreter = interpreters[extname(file)];
		if (interpreter !== undefined) this.uses.program(interpreter);
	}

	#isSeen(one: Suite | TestCase | Workspace | ResolvedTarget | Assertion): boolean {
		if (this.#seen.has(one)) return true;
		this.#seen.add(one);
		return false;
	}
}

const interpreters: Readonly<Record<string, string>> = { ".py": "python3", ".sh": "sh", ".ts": typeScriptRunners };
