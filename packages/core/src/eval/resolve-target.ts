import { modelOf } from "../grading/graders/index.ts";
import { type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import { nearestName } from "../lib/text.ts";
import type { Environment } from "../machine/environment.ts";
import {
	type ProviderName,
	type ProviderSettings,
	providerAliases,
	providers,
	settingSpellings,
} from "../targets/providers/index.ts";
import { type EvalScope, shownPath } from "./discover-evals.ts";
import { type Assertion, gradersOf, type LoadedEval, suitesOf, type TargetChoice } from "./eval-types.ts";
import {
	schemaShape,
	targetBatching,
	targetCircular,
	targetInvalid,
	targetUndefined,
	unsupportedField,
	variableUnset,
} from "./load-findings.ts";
import {
	type TargetDefinition,
	type TargetLayer,
	type TargetPaths,
	type TargetScope,
	targetPaths,
} from "./load-targets.ts";
import { type LoadLog, readShape } from "./read-shape.ts";
import { child, type Part, type PlacedVariable, plainPart } from "./source.ts";

export type { TargetLayer } from "./load-targets.ts";

export interface TargetHop {
	readonly definition: TargetDefinition;
	readonly next?: { readonly name: string; readonly at: Place; readonly chosenBy: readonly string[] };
}

interface ResolvedBase extends TargetPaths {
	readonly name: string;
	/** From the one that the eval names to the concrete one; can be empty. */
	readonly via: readonly TargetHop[];
	/** In file spelling, with the chain's overrides merged and `${{ }}` replaced. */
	readonly wire: Readonly<Record<string, unknown>>;
	readonly origin: ReadonlyMap<string, TargetLayer>;
	readonly graderTarget: string | undefined;
	readonly at: Place;
}

export type TargetWith<Name extends string, Settings> = ResolvedBase & {
	readonly provider: Name;
	readonly settings: Settings;
};

export type ResolvedTarget = { [Name in ProviderName]: TargetWith<Name, ProviderSettings<Name>> }[ProviderName];

type TargetResolution =
	| { readonly ok: true; readonly target: ResolvedTarget; readonly diagnostics: readonly Diagnostic[] }
	| { readonly ok: false; readonly diagnostics: readonly Diagnostic[]; readonly via: readonly TargetHop[] };

/** Validation, bundling and running all use this resolver. */
export function resolveTarget(choice: TargetChoice, scope: TargetScope): TargetResolution {
	const diagnostics: Diagnostic[] = [];
	const log: LoadLog = { report: (found) => void diagnostics.push(found) };
	const layers: TargetLayer[] = [];
	let next: { name: string; at: Place } | undefined = { name: choice.name, at: choice.at };
	if ("inline" in choice) {
		layers.push({
			part: choice.part,
			base: choice.base,
		});
		const parent = ["extends", "use_target"].find((key) => typeof choice.inline[key] === "string");
		next = parent
			? { name: choice.inline[parent] as string, at: { ...choice.at, path: [...(choice.at.path ?? []), parent] } }
			: undefined;
	}
	const { via, whole } = next ? follow(next, scope, layers, log) : { via: [], whole: true };
	if (!whole) return { ok: false, diagnostics, via };
	const target = concrete(choice, via, layers, log);
	const failed = !target || diagnostics.some(({ severity }) => severity === "error");
	return failed || !target ? { ok: false, diagnostics, via } : { ok: true, target, diagnostics };
}

function follow(
	first: { name: string; at: Place },
	scope: TargetScope,
	layers: TargetLayer[],
	log: LoadLog,
): { via: TargetHop[]; whole: boolean } {
	const via: TargetHop[] = [];
	let next: { name: string; at: Place } | undefined = first;
	while (next) {
		const { name, at } = next as { name: string; at: Place };
		const definition = scope.find(name);
		if (!definition) {
			const unset = unsetVariable(at, scope);
			if (unset) log.report(finding(variableUnset, { name: unset.name }, unset.at));
			else
				log.report(
					finding(
						targetUndefined,
						{ name, known: scope.names, files: scope.files, nearest: nearestName(name, scope.names) },
						at,
					),
				);
			return { via, whole: false };
		}
		const names = via.map((hop) => hop.definition.name);
		if (names.includes(name)) {
			log.report(finding(targetCircular, { cycle: [...names.slice(names.indexOf(name)), name] }, at));
			return { via, whole: false };
		}
		layers.push({ part: definition.part, base: definition.base });
		next = undefined;
		const delegated = definition.entry.useTarget;
		if (delegated === undefined) via.push({ definition });
		else {
			const nextAt = child(definition.part, "use_target").at;
			const chosenBy = variablesAt(nextAt, scope).map((variable) => variable.name);
			via.push({ definition, next: { name: delegated, at: nextAt, chosenBy } });
			next = { name: delegated, at: nextAt };
		}
	}
	return { via, whole: true };
}

export function variablesAt(place: Place, scope: Pick<TargetScope, "sources">): PlacedVariable[] {
	const path = (place.path ?? []).join("\0");
	return (scope.sources.get(place.file)?.variables ?? []).filter(
		(variable) => (variable.at.path ?? []).join("\0") === path,
	);
}

function unsetVariable(at: Place, scope: TargetScope): PlacedVariable | undefined {
	return variablesAt(at, scope).find((variable) => variable.state === "unset");
}

const chainKeys = new Set(["name", "use_target", "extends"]);

function concrete(
	choice: TargetChoice,
	via: readonly TargetHop[],
	layers: readonly TargetLayer[],
	log: LoadLog,
): ResolvedTarget | undefined {
	const wire: Record<string, unknown> = { name: choice.name };
	const origin = new Map<string, TargetLayer>();
	for (const layer of [...layers].reverse()) {
		for (const [key, value] of Object.entries(layer.part.value as Record<string, unknown>)) {
			if (chainKeys.has(key)) continue;
			wire[key] = value;
			origin.set(key, layer);
			// A setting overrides the same one of another layer in any spelling.
			for (const other of otherSpellings(key)) {
				if (origin.get(other) === layer || !origin.has(other)) continue;
				delete wire[other];
				origin.delete(other);
			}
		}
	}
	const written = wire.provider;
	if (typeof written !== "string") {
		log.report(
			finding(
				targetInvalid,
				{
					name: choice.name,
					reason: "names neither `provider` nor `use_target`",
					hint: `providers: ${Object.keys(providers).join(", ")}`,
				},
				choice.at,
			),
		);
		return undefined;
	}
	const provider = providerOf(written);
	const providerPlace = origin.get("provider");
	if (!provider) {
		const known = [...Object.keys(providers), ...providerAliases.keys()];
		const nearest = nearestName(written, known);
		log.report(
			finding(
				targetInvalid,
				{
					name: choice.name,
					reason: `has the unknown provider ${JSON.stringify(written)}`,
					hint: nearest
						? `did you mean ${JSON.stringify(nearest)}?`
						: `providers: ${Object.keys(providers).join(", ")}`,
				},
				providerPlace ? child(providerPlace.part, "provider").at : choice.at,
			),
		);
		return undefined;
	}
	return checkSettings(choice, provider, via, wire, origin, log);
}

function otherSpellings(key: string): string[] {
	return settingSpellings.flatMap((names) => (names.includes(key) ? names.filter((name) => name !== key) : []));
}

function providerOf(written: string): ProviderName | undefined {
	return Object.hasOwn(providers, written) ? (written as ProviderName) : providerAliases.get(written);
}

function checkSettings(
	choice: TargetChoice,
	provider: ProviderName,
	via: readonly TargetHop[],
	wire: Record<string, unknown>,
	origin: ReadonlyMap<string, TargetLayer>,
	log: LoadLog,
): ResolvedTarget | undefined {
	const settled = { ...wire, provider };
	const references = new Set<string>();
	for (const [key, { part }] of origin) {
		const prefix = [...(part.at.path ?? []), key].join("\0");
		for (const reference of part.references)
			if (reference === prefix || reference.startsWith(`${prefix}\0`))
				references.add([key, reference.slice(prefix.length + 1)].filter((piece) => piece !== "").join("\0"));
	}
	// Findings have paths in the merged settings; map each back to the layer of its key.
	const merged: Part = {
		...plainPart(settled, { file: choice.at.file, path: [] }),
		references,
		written: (path) => origin.get(String(path[0]))?.part.written(path),
	};
	const settings = readShape(providers[provider].settings, merged, {
		report: (found) => {
			const [key, ...rest] = found.at.path ?? [];
			const layer = typeof key === "string" ? origin.get(key) : undefined;
			const at: Place =
				layer && key !== undefined
					? { ...child(layer.part, key, ...rest).at, ...(found.at.part ? { part: found.at.part } : {}) }
					: choice.at;
			const named =
				found.rule === schemaShape.rule
					? { ...found, message: `target ${JSON.stringify(choice.name)}, ${found.message}` }
					: found;
			log.report({ ...named, at });
		},
	});
	if (!settings) return undefined;
	const misuse = providers[provider].misuse?.(wire);
	if (misuse) {
		const layer = origin.get(misuse.key);
		const at = layer ? child(layer.part, misuse.key).at : choice.at;
		log.report(finding(unsupportedField, misuse, { ...at, part: "key" }));
	}
	if (settings.providerBatching) {
		const layer = origin.get("provider_batching");
		const at = layer ? child(layer.part, "provider_batching").at : choice.at;
		log.report(finding(targetBatching, { name: choice.name }, at));
	}
	const base = { name: choice.name, via, wire: settled, origin, at: choice.at, ...targetPaths(settled, origin, log) };
	return { ...base, graderTarget: settings.graderTarget ?? settings.judgeTarget, provider, settings } as ResolvedTarget;
}

export interface TargetUse {
	/** `target` runs tests, `grader` grades answers, `fallback` replaces a failing target. */
	readonly role: "target" | "grader" | "fallback";
	readonly choice: TargetChoice;
	readonly resolution: TargetResolution;
	/** Not written anywhere: `default`, or the grader of a target although no model grades. */
	readonly implied: boolean;
}

/** For tests without a target. */
export const defaultTarget = "default";

/** Returns one use for each reference, recursively. `override` is that of `--target`. */
export function usedTargets(loaded: LoadedEval, scope: TargetScope, override?: readonly string[]): TargetUse[] {
	const uses = new Uses(scope, loaded.scope);
	const at: Place = { file: loaded.file, path: [] };
	for (const name of override ?? []) uses.add("target", { name, at }, false);
	if (!override) chosenTargets(loaded, uses, at);
	for (const assertion of gradersOf(loaded.tests)) graderTargets(assertion, uses);
	const graded = loaded.tests.some(
		(test) => test.assertions.length === 0 || test.assertions.some((assertion) => needsModel(assertion)),
	);
	uses.follow(!graded);
	return uses.all;
}

/** Returns each target once. */
export function resolvedTargets(uses: readonly TargetUse[]): ResolvedTarget[] {
	return [...new Set(uses.flatMap(({ resolution }) => (resolution.ok ? [resolution.target] : [])))];
}

function chosenTargets(loaded: LoadedEval, uses: Uses, at: Place): void {
	for (const suite of suitesOf(loaded)) for (const choice of suite.targets) uses.add("target", choice, false);
	let implied = false;
	for (const test of loaded.tests) {
		if (test.target) uses.add("target", test.target, false);
		else if (test.suite.targets.length === 0 && !implied) {
			implied = true;
			uses.add("target", { name: defaultTarget, at }, true);
		}
	}
}

function needsModel(assertion: Assertion): boolean {
	return modelOf(assertion) !== undefined || (assertion.parts ?? []).some(needsModel);
}

function graderTargets(assertion: Assertion, uses: Uses): void {
	const { at } = assertion;
	const { target, path = [] } = modelOf(assertion) ?? {};
	if (target !== undefined)
		uses.add("grader", { name: target, at: { ...at, path: [...(at.path ?? []), ...path] } }, false);
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

	/** Search paths are relative to the eval, so that they are the same in every checkout. */
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

function placeIn(target: ResolvedTarget, [key, ...rest]: readonly [string, ...(string | number)[]]): Place {
	const layer = target.origin.get(key);
	return layer ? child(layer.part, key, ...rest).at : target.at;
}

interface TargetDestination {
	/** `api.openai.com`, `localhost:8080`; undefined for local programs. */
	readonly host: string | undefined;
	/** Names of the variables that are sent as key or header. */
	readonly keys: readonly { readonly name: string; readonly set: boolean }[];
	/** Whether a key or header is written in the file itself. */
	readonly literalKey: boolean;
	/** Whether it is a program that inherits the whole environment. */
	readonly inheritsEnvironment: boolean;
}

type Sources = Pick<TargetScope, "sources">;

/**
 * Returns hosts, and keys by name, never their values.
 * @param scope the files that contain the target's settings
 */
export function targetDestination(target: ResolvedTarget, scope: Sources, env: Environment): TargetDestination {
	const { wire } = target;
	const provider = providers[target.provider];
	const address = wire.base_url || wire.endpoint || undefined;
	const written = secretSettings(wire);
	const names = written.flatMap((key) => variablesOf(target, key, scope));
	const literal = written.some((key) => isLiteral(target, key, scope));
	let vendorHost: string | undefined;
	let keys: readonly string[] = [];
	if (provider.kind === "model") {
		const variable = provider.resourceVariable;
		const resource = variable && (wire.resource_name ?? env[variable]);
		const { host } = new URL(provider.address);
		vendorHost = typeof resource === "string" ? `${resource}.${host}` : host;
		// Without a key, a hosted model uses its vendor's variable, but never for another server,
		// except for vendors whose customers each have their own.
		const isVendors = typeof address !== "string" || variable !== undefined;
		const used = provider.keys.find((name) => env[name]) ?? provider.keys[0];
		if (written.length === 0 && isVendors) keys = [used];
	}
	return {
		host: typeof address === "string" ? hostOf(address) : vendorHost,
		keys: [...new Set([...names, ...keys])].map((name) => ({ name, set: Boolean(env[name]) })),
		literalKey: literal,
		inheritsEnvironment: provider.kind === "agent" || provider.kind === "program",
	};
}

function secretSettings(wire: Readonly<Record<string, unknown>>): string[][] {
	return Object.entries(wire).flatMap(([key, value]) => {
		if (key === "headers" && typeof value === "object" && value !== null)
			return Object.keys(value).map((header) => ["headers", header]);
		return isSecretName(key) && typeof value === "string" ? [[key]] : [];
	});
}

function variablesOf(target: ResolvedTarget, [key = "", ...rest]: readonly string[], scope: Sources): string[] {
	const layer = target.origin.get(key);
	return layer ? variablesAt(child(layer.part, key, ...rest).at, scope).map(({ name }) => name) : [];
}

function isLiteral(target: ResolvedTarget, path: readonly string[], scope: Sources): boolean {
	const isKey = path[0] !== "headers" || isSecretName(path[1] ?? "") || /^authorization$/i.test(path[1] ?? "");
	return isKey && variablesOf(target, path, scope).length === 0;
}

function hostOf(address: string): string | undefined {
	return URL.canParse(address) ? new URL(address).host : undefined;
}
