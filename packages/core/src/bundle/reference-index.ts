import type { Place } from "../base/diagnostic.ts";
import type { CommandSpec } from "../model/command.ts";
import type { Assertion, CustomAssertion, LoadedEval } from "../model/eval-types.ts";
import type { CommandUse, Reference, ReferenceKind, References } from "../model/reference.ts";
import { placeKey } from "./raw-values.ts";

/** The references of an eval by the place that says them. */
export interface ReferenceIndex {
	/** Path-valued fields. Several where the text depends on a test's variables. */
	paths(at: Place): readonly Reference[];
	/** The commands whose text stands at this place. */
	commands(at: Place): readonly CommandUse[];
	/** What word `index` of the command there stands for. */
	words(at: Place, index: number): readonly Reference[];
	custom(at: Place): CustomAssertion | undefined;
	/** The file that an assertion include, or an external workspace, leads to. */
	inlined(at: Place): string | undefined;
	/** The eval that an entry of `imports.suites` leads to. */
	suite(at: Place): string | undefined;
}

const rewritten = new Set<ReferenceKind>([
	"template",
	"input-file",
	"prompt",
	"fixtures",
	"extension",
	"agent-rules",
	"working-directory",
]);

export function indexReferences(loaded: LoadedEval, references: References): ReferenceIndex {
	const paths = new Lists<Reference>();
	const words = new Lists<Reference>();
	const commands = new Lists<CommandUse>();
	for (const reference of references.files) {
		if (reference.word && reference.command) words.add(placeKey(reference.command.at, reference.word.index), reference);
		else if (rewritten.has(reference.kind)) paths.add(placeKey(reference.at), reference);
	}
	for (const use of references.commands) commands.add(placeKey(use.command.at), use);
	const customs = new Map<string, CustomAssertion>();
	for (const test of loaded.tests)
		for (const assertion of [...test.assertions, ...test.turns.flatMap((turn) => turn.assertions)])
			collectCustom(assertion, customs);
	const inlined = new Map<string, string>();
	const suites = new Map<string, string>();
	for (const { kind, path, resolved } of loaded.files) {
		if (kind === "include" || kind === "workspace") inlined.set(placeKey(path.at), resolved);
		if (kind === "suite") suites.set(placeKey(path.at), resolved);
	}
	return {
		paths: (at) => paths.get(placeKey(at)),
		commands: (at) => commands.get(placeKey(at)),
		words: (at, index) => words.get(placeKey(at, index)),
		custom: (at) => customs.get(placeKey(at)),
		inlined: (at) => inlined.get(placeKey(at)),
		suite: (at) => suites.get(placeKey(at)),
	};
}

class Lists<Value> {
	readonly #lists = new Map<string, Value[]>();

	add(key: string, value: Value): void {
		const list = this.#lists.get(key);
		if (list) list.push(value);
		else this.#lists.set(key, [value]);
	}

	get(key: string): readonly Value[] {
		return this.#lists.get(key) ?? [];
	}
}

function collectCustom(assertion: Assertion, into: Map<string, CustomAssertion>): void {
	if (assertion.type === "custom") into.set(placeKey(assertion.at), assertion);
	for (const part of assertion.parts ?? []) collectCustom(part, into);
}

/** A command of a custom grader, for the rule of working directories. */
export function customCommand({ at, base, cwd }: CustomAssertion): CommandSpec {
	return { text: [], at, base, ...(cwd ? { cwd } : {}) };
}
