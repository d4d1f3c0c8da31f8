import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { type EvalScope, shownPath } from "./eval-scope.ts";
import type { Assertion, LoadedEval, TargetChoice } from "./eval-types.ts";
import { targetUndefined } from "./load-findings.ts";
import type { TargetScope } from "./load-targets.ts";
import { type ResolvedTarget, resolveTarget, type TargetResolution } from "./resolve-target.ts";
import { child } from "./source.ts";

/** A location where an eval, or one of its targets, refers to a target. */
export interface TargetUse {
	/** `target` runs tests, `grader` grades answers, `fallback` replaces a failing target. */
	readonly role: "target" | "grader" | "fallback";
	readonly choice: TargetChoice;
	readonly resolution: TargetResolution;
	/** Not written anywhere: `default`, or the grader of a target although no model grades. */
	readonly implied: boolean;
}

/** The target of tests without one. */
export const defaultTarget = "default";

/**
 * Returns every target that an eval uses: its own and its tests', their graders and fallbacks, and
 * those of graders. One use for each reference. `override` replaces them for `--target`.
 */
export function usedTargets(loaded: LoadedEval, scope: TargetScope, override?: readonly string[]): TargetUse[] {
	const uses = new Uses(scope, loaded.scope);
	const at: Place = { file: loaded.file, path: [] };
	for (const name of override ?? []) uses.add("target", { name, at }, false);
	if (!override) chosenTargets(loaded, uses, at);
	for (const test of loaded.tests)
		for (const assertion of [...test.assertions, ...test.turns.flatMap((turn) => turn.assertions)])
			graderTargets(assertion, uses);
	const graded = loaded.tests.some(
		(test) => test.assertions.length === 0 || test.assertions.some((assertion) => needsModel(assertion)),
	);
	uses.follow(!graded);
	return uses.all;
}

/** Returns the resolved targets, each once. */
export function resolvedTargets(uses: readonly TargetUse[]): ResolvedTarget[] {
	return [...new Set(uses.flatMap(({ resolution }) => (resolution.ok ? [resolution.target] : [])))];
}

function chosenTargets(loaded: LoadedEval, uses: Uses, at: Place): void {
	const suites = new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	for (const suite of suites) for (const choice of suite.targets) uses.add("target", choice, false);
	let implied = false;
	for (const test of loaded.tests) {
		if (test.target) uses.add("target", test.target, false);
		else if (test.suite.targets.length === 0 && !implied) {
			implied = true;
			uses.add("target", { name: defaultTarget, at }, true);
		}
	}
}

/** Returns whether an assertion is graded by a model. */
function needsModel(assertion: Assertion): boolean {
	if (assertion.type === "llm-grader" || assertion.type === "rubrics") return true;
	const aggregator = assertion.type === "composite" ? assertion.settings.aggregator.type : "";
	return aggregator.startsWith("llm") || (assertion.parts ?? []).some(needsModel);
}

function graderTargets(assertion: Assertion, uses: Uses): void {
	const path = assertion.at.path ?? [];
	if ((assertion.type === "llm-grader" || assertion.type === "rubrics") && assertion.settings.target !== undefined)
		uses.add("grader", { name: assertion.settings.target, at: { ...assertion.at, path: [...path, "target"] } }, false);
	if (assertion.type === "composite" && assertion.settings.aggregator.target !== undefined) {
		const at = { ...assertion.at, path: [...path, "aggregator", "target"] };
		uses.add("grader", { name: assertion.settings.aggregator.target, at }, false);
	}
	for (const part of assertion.parts ?? []) graderTargets(part, uses);
}

class Uses {
	readonly all: TargetUse[] = [];
	readonly #scope: TargetScope;
	readonly #evalScope: EvalScope;
	readonly #seen = new Set<string>();
	readonly #resolved = new Map<string, TargetResolution>();

	constructor(scope: TargetScope, evalScope: EvalScope) {
		this.#scope = scope;
		this.#evalScope = evalScope;
	}

	add(role: TargetUse["role"], choice: TargetChoice, implied: boolean): void {
		const { at } = choice;
		const key = [role, choice.name, at.file, at.line ?? "", ...(at.path ?? [])].join("\0");
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		this.all.push({ role, choice, implied, resolution: this.#resolve(choice) });
	}

	/** Adds the graders and fallbacks of all targets, recursively. */
	follow(gradersImplied: boolean): void {
		for (let index = 0; index < this.all.length; index++) {
			const { resolution, role } = this.all[index] as TargetUse;
			if (!resolution.ok) continue;
			const { target } = resolution;
			const key = target.settings.graderTarget === undefined ? "judge_target" : "grader_target";
			if (target.graderTarget !== undefined && role !== "grader")
				this.add("grader", { name: target.graderTarget, at: placeIn(target, [key]) }, gradersImplied);
			for (const [position, name] of (target.settings.fallbackTargets ?? []).entries())
				this.add("fallback", { name, at: placeIn(target, ["fallback_targets", position]) }, false);
		}
	}

	#resolve(choice: TargetChoice): TargetResolution {
		if ("inline" in choice) return this.#shown(resolveTarget(choice, this.#scope));
		const known = this.#resolved.get(choice.name);
		// A problem found at the first reference also applies here, if it is another name's fault.
		if (known) return known.ok ? known : { ...known, diagnostics: this.#moved(known.diagnostics, choice) };
		const resolution = this.#shown(resolveTarget(choice, this.#scope));
		this.#resolved.set(choice.name, resolution);
		return resolution;
	}

	/** Shows search paths relative to the eval: the same in every checkout. */
	#shown(resolution: TargetResolution): TargetResolution {
		if (resolution.ok) return resolution;
		const diagnostics = resolution.diagnostics.map((found) => {
			const data = found.data as Parameters<typeof targetUndefined.message>[0];
			if (found.rule !== targetUndefined.rule || !("files" in data)) return found;
			const files = data.files.map((file) => shownPath(file, this.#evalScope));
			return finding(targetUndefined, { ...data, files }, found.at);
		});
		return { ...resolution, diagnostics };
	}

	#moved(diagnostics: readonly Diagnostic[], choice: TargetChoice): readonly Diagnostic[] {
		if (this.#scope.find(choice.name)) return diagnostics;
		return diagnostics.map((found) => (found.rule === targetUndefined.rule ? { ...found, at: choice.at } : found));
	}
}

/** Returns where a setting of a resolved target is written. */
function placeIn(target: ResolvedTarget, [key, ...rest]: readonly [string, ...(string | number)[]]): Place {
	const layer = target.origin.get(key);
	return layer ? child(layer.part, key, ...rest).at : target.at;
}
