import { dirname } from "node:path";
import { toWireKey } from "../format/codec.ts";
import type { Place } from "../lib/errors.ts";
import type { CommandSpec } from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import {
	type Assertion,
	type Hooks,
	hookNames,
	type LoadedEval,
	type Suite,
	suitesOf,
	type TestCase,
	type Workspace,
	withParts,
	withTurns,
} from "./eval-types.ts";
import type { PathText } from "./read-shape.ts";
import type { ResolvedTarget } from "./resolve-target.ts";

interface Origin {
	readonly owner: Suite | TestCase | Assertion | ResolvedTarget;
	readonly scope: EvalScope;
	/** Of the hook, extension, preprocessor, grader or target; else empty. */
	readonly name: string;
}

/** A path, a command, or a program that a target names. */
export type Visit = Origin &
	(
		| { readonly path: PathText; readonly command?: never; readonly program?: never }
		| { readonly command: CommandSpec; readonly path?: never; readonly program?: never }
		| {
				readonly program: { readonly name: string; readonly at: Place };
				readonly path?: never;
				readonly command?: never;
		  }
	);

/**
 * Yields everything in an eval and its targets that refers to a file or runs a program, including
 * addresses of files; shared graders once. A field that can contain a path or a command is visited
 * here, and only here: references, bundles, consent and opaque inputs follow.
 */
export function* visit(loaded: LoadedEval, targets: readonly ResolvedTarget[]): Generator<Visit> {
	for (const suite of suitesOf(loaded)) yield* visitSuite(suite);
	const graders = new Set<Assertion>();
	for (const test of loaded.tests) {
		yield* visitTest(test);
		for (const grader of withParts(withTurns(test.assertions, test))) {
			if (graders.has(grader)) continue;
			graders.add(grader);
			yield* visitGrader(grader, test.suite.scope);
		}
	}
	for (const target of targets) yield* visitTarget(target, loaded.scope);
}

export function* visitSuite(suite: Suite): Generator<Visit> {
	const from = { owner: suite, scope: suite.scope, name: "" };
	if (suite.workspace) yield* visitWorkspace(suite.workspace, from);
	for (const { command, type } of suite.preprocessors) yield { ...from, command, name: type };
	for (const extension of suite.extensions) {
		if (extension.kind === "module") yield { ...from, path: extension.module, name: extension.exportName };
		else for (const path of Object.values(extension.paths ?? {}).flat()) yield { ...from, path };
	}
}

/** Yields what a test has itself, without its graders. */
export function* visitTest(test: TestCase): Generator<Visit> {
	const from = { owner: test, scope: test.suite.scope, name: "" };
	for (const { content } of [...test.input, ...test.expectedMessages, ...test.turns.flatMap(({ input }) => input)])
		if (typeof content !== "string")
			for (const piece of content) if (piece.type !== "text") yield { ...from, path: piece.path };
	for (const path of test.metadataFiles) yield { ...from, path };
	if (test.workspace) yield* visitWorkspace(test.workspace, from);
}

function* visitWorkspace({ template, repos, hooks }: Workspace, from: Origin): Generator<Visit> {
	if (template) yield { ...from, path: template };
	for (const { local } of repos) if (local) yield { ...from, path: local };
	yield* visitHooks(hooks, from);
}

function* visitHooks(hooks: Hooks, from: Origin): Generator<Visit> {
	for (const name of hookNames) {
		const command = hooks[name]?.command;
		if (command) yield { ...from, command, name: `${from.name}${toWireKey(name)}` };
	}
}

export function* visitGrader(grader: Assertion, scope: EvalScope): Generator<Visit> {
	const { name, at, command, promptFile } = grader;
	const from = { owner: grader, scope, name };
	if (grader.type === "custom") {
		const { program, cwd } = grader;
		if (cwd) yield { ...from, path: cwd };
		yield { ...from, path: { kind: "custom-grader", raw: program, at, base: dirname(program) } };
	}
	if (promptFile) yield { ...from, path: promptFile };
	if (command) yield { ...from, command };
}

export function* visitTarget(target: ResolvedTarget, scope: EvalScope): Generator<Visit> {
	const { name, at, command, healthcheck, fixtures, cwd, settings } = target;
	const from = { owner: target, scope, name };
	if (command) yield { ...from, command };
	else if ("executable" in settings && settings.executable !== undefined)
		yield { ...from, program: { name: settings.executable, at } };
	if (healthcheck) yield { ...from, command: healthcheck };
	if (fixtures) yield { ...from, path: fixtures };
	if (cwd && !command) yield { ...from, path: cwd };
	yield* visitHooks(target.hooks, { ...from, name: `${name} ` });
}
