import type { Place } from "../base/diagnostic.ts";
import { type Diagnostic, finding } from "../base/diagnostic.ts";
import { scanReferences } from "../base/scan-references.ts";
import type { LoadedEval, TestCase } from "../model/eval-types.ts";
import type { References } from "../model/reference.ts";
import { variablePath } from "./bundle-findings.ts";
import { type BundlePlaces, bundlePlaces } from "./bundle-places.ts";
import { type ComposedEval, composeEval } from "./compose-eval.ts";
import { flattenTarget } from "./flatten-targets.ts";
import type { GatheredSources } from "./gather-sources.ts";
import type { Layout } from "./layout.ts";
import type { PinnedRepositories } from "./pinned-repositories.ts";
import { patchYaml, printYaml } from "./print-yaml.ts";
import { placeKey, type RawValues } from "./raw-values.ts";
import { indexReferences } from "./reference-index.ts";
import { type RewriteInput, Rewriter } from "./rewriter.ts";
import type { TargetSelection } from "./select-targets.ts";
import type { SuitePlace } from "./suite-places.ts";
import { printJson } from "./written-number.ts";

export interface GenerateInput {
	readonly loaded: LoadedEval;
	readonly selection: TargetSelection;
	readonly references: References;
	readonly gathered: GatheredSources;
	readonly layout: Layout;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	readonly pinned: PinnedRepositories;
	readonly chosen: readonly string[];
	readonly raw: RawValues;
}

/** The files that bundling writes itself. */
export interface GeneratedFiles {
	/** By bundle path; of JSON Lines the rows. */
	readonly values: ReadonlyMap<string, unknown>;
	/** The texts of `values`, or of what was made of them. */
	print(values: ReadonlyMap<string, unknown>): Map<string, string>;
	readonly rewrite: RewriteInput;
	readonly diagnostics: readonly Diagnostic[];
}

/** Makes `eval.yaml`, `targets.yaml`, imported suites and large test data. */
export function generateFiles(input: GenerateInput): GeneratedFiles {
	const { loaded, gathered, layout, suites, pinned, raw, selection } = input;
	const places = bundlePlaces(gathered, layout, suites);
	const rewrite: RewriteInput = {
		raw,
		index: indexReferences(loaded, input.references),
		places,
		suites,
		bound: gathered.bound,
		evalDirectory: loaded.scope.directory,
		settled: { ...pinned, texts: new Map([...pinned.texts, ...chosenNames(selection, raw)]) },
	};
	const values = new Map<string, unknown>();
	const composed = new Map<string, { suite: SuitePlace; eval: ComposedEval }>();
	const rows = new Set<string>();
	const freePath = pathFinder(gathered, layout, values);
	for (const suite of suites.values()) {
		const tests: TestCase[] = loaded.tests.filter((test) => test.suite.file === suite.file);
		const made = composeEval({ ...rewrite, loaded, suite, tests, chosen: input.chosen, freePath });
		composed.set(suite.bundleFile, { suite, eval: made });
		values.set(suite.bundleFile, made.value);
		for (const [path, list] of made.testFiles) {
			values.set(path, list);
			rows.add(path);
		}
	}
	if (selection.named.size > 0) {
		const targets = [...selection.named.values()].map((target) => flattenTarget(target, new Rewriter(rewrite, "")));
		values.set("targets.yaml", { targets });
	}
	const print = (path: string, value: unknown): string => {
		if (rows.has(path)) return (value as readonly unknown[]).map((row) => `${printJson(row)}\n`).join("");
		const made = composed.get(path);
		return made ? printEval(made, value, input) : printYaml(value);
	};
	return {
		values,
		print: (changed) => new Map([...changed].map(([path, value]) => [path, print(path, value)])),
		rewrite,
		diagnostics: [...pathsByVariable(input, places)],
	};
}

function printEval(
	{ suite, eval: made }: { suite: SuitePlace; eval: ComposedEval },
	value: unknown,
	{ loaded, raw }: GenerateInput,
): string {
	const source = loaded.sources.get(suite.file);
	const before = raw.document(suite.file);
	if (!source?.document || source.document.value !== before) return printYaml(value);
	return patchYaml(source.text, before, value, (path) =>
		path.length === 1 && path[0] === made.testsKey ? made.origins : undefined,
	);
}

/** A path of the bundle that nothing else has: `data/tests.jsonl`, else `data/tests-2.jsonl`, … */
function pathFinder(gathered: GatheredSources, layout: Layout, values: ReadonlyMap<string, unknown>) {
	const given = new Set<string>();
	const { data } = gathered.areas;
	const isTaken = (path: string) => {
		if (given.has(path) || gathered.own.has(path) || values.has(path)) return true;
		if ([...data.files.keys(), ...data.links.keys()].some((source) => layout.place("data", source) === path))
			return true;
		return [...data.trees].some(([directory, { entries }]) => {
			const prefix = layout.place("data", directory);
			return entries.some((entry) => `${prefix}/${entry.path}` === path);
		});
	};
	return (wanted: string): string => {
		let path = wanted;
		for (let count = 2; isTaken(path); count++) path = wanted.replace(/(\.\w+)$/, `-${count}$1`);
		given.add(path);
		return path;
	};
}

/** Names of targets that stand behind a variable: today's choice is kept. */
function* chosenNames({ choices }: TargetSelection, raw: RawValues): Generator<[string, string]> {
	const settle = function* (at: Place, name: unknown): Generator<[string, string]> {
		const written = raw.at(at);
		if (typeof written === "string" && written.includes("${{") && typeof name === "string") yield [placeKey(at), name];
	};
	for (const choice of choices) {
		if (!("inline" in choice)) yield* settle(choice.at, choice.name);
		else
			for (const key of ["extends", "use_target"])
				yield* settle({ ...choice.at, path: [...(choice.at.path ?? []), key] }, choice.inline[key]);
	}
}

function* pathsByVariable({ references, raw }: GenerateInput, places: BundlePlaces): Generator<Diagnostic> {
	for (const reference of references.files) {
		const written = raw.at(reference.at);
		if (typeof written !== "string" || !written.includes("${{") || reference.kind === "metadata-file") continue;
		const path = places.target(reference);
		const names = scanReferences(written).flatMap((token) => (token.kind === "reference" ? [token.name] : []));
		if (path !== undefined && names.length > 0)
			yield finding(variablePath, { names: [...new Set(names)], path }, reference.at);
	}
}
