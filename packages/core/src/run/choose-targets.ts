import { canonicalJson } from "../base/canonical-json.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Suite, TargetChoice, TestCase } from "../model/eval-types.ts";
import type { TargetScope } from "../model/load-targets.ts";
import { type ResolvedTarget, resolveTarget } from "../model/resolve-target.ts";
import type { PlannedTarget } from "./run-plan.ts";

/** The choices a test runs with: `--target` > its own > the eval's > `default`. A name that the eval defines inline means that one. */
export function targetChoices(test: TestCase, override: readonly string[] | undefined): readonly TargetChoice[] {
	const { suite } = test;
	const at = { file: suite.file, path: [] };
	if (override && override.length > 0)
		return unique(override.map((name) => inlineOf(name, test, suite) ?? { name, at }));
	if (test.target) return [test.target];
	return suite.targets.length > 0 ? unique(suite.targets) : [{ name: "default", at }];
}

function inlineOf(name: string, test: TestCase, suite: Suite): TargetChoice | undefined {
	const choices = [...(test.target ? [test.target] : []), ...suite.targets];
	return choices.find((choice) => choice.name === name && "inline" in choice);
}

function unique(choices: readonly TargetChoice[]): TargetChoice[] {
	return choices.filter((choice, index) => choices.findIndex(({ name }) => name === choice.name) === index);
}

/** Resolves the choices of one eval, each once, and remembers what was wrong with them. */
export class TargetResolver {
	readonly diagnostics: Diagnostic[] = [];
	readonly #scope: TargetScope;
	readonly #known = new Map<string, PlannedTarget | undefined>();

	constructor(scope: TargetScope) {
		this.#scope = scope;
	}

	/** The target of a choice, with its fallbacks; `undefined` where it can't be run (see `diagnostics`). */
	planned(choice: TargetChoice): PlannedTarget | undefined {
		const key = "inline" in choice ? canonicalJson([choice.inline, choice.base]) : choice.name;
		if (!this.#known.has(key)) this.#known.set(key, this.#plan(choice));
		return this.#known.get(key);
	}

	#plan(choice: TargetChoice): PlannedTarget | undefined {
		const target = this.resolve(choice);
		if (!target) return undefined;
		const fallbacks: ResolvedTarget[] = [];
		for (const name of target.settings.fallbackTargets ?? []) {
			const fallback = this.resolve({ name, at: target.at });
			if (!fallback) return undefined;
			fallbacks.push(fallback);
		}
		return { target, fallbacks, key: targetKey(target) };
	}

	resolve(choice: TargetChoice): ResolvedTarget | undefined {
		const resolution = resolveTarget(choice, this.#scope);
		if (resolution.ok) return resolution.target;
		this.diagnostics.push(...resolution.diagnostics);
		return undefined;
	}
}

/** Equal for targets of the same settings with the same paths. */
export function targetKey({ wire, command, cwd, fixtures, healthcheck }: ResolvedTarget): string {
	return canonicalJson([wire, command?.base, cwd?.base, fixtures?.base, healthcheck?.base]);
}
