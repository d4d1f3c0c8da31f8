import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { lookUp } from "../base/look-up.ts";
import { nearestName } from "../base/nearest.ts";
import { type ProviderName, type ProviderSettings, providerAliases, providerSchemas } from "../schema/target-file.ts";
import type { TargetChoice } from "./eval-types.ts";
import {
	schemaShape,
	targetBatching,
	targetCircular,
	targetInvalid,
	targetUndefined,
	unsupportedField,
	variableUnset,
} from "./load-findings.ts";
import type { TargetDefinition, TargetScope } from "./load-targets.ts";
import { type LoadLog, readShape } from "./read-shape.ts";
import { child, type Part, type PlacedVariable, plainPart } from "./source.ts";
import { type TargetLayer, type TargetPaths, targetPaths } from "./target-paths.ts";

export type { TargetLayer } from "./target-paths.ts";

/** A step of a chain: the definition, and the variables that selected the next one. */
export interface TargetHop {
	readonly definition: TargetDefinition;
	/** The `use_target` or `extends`. */
	readonly next?: { readonly name: string; readonly at: Place; readonly chosenBy: readonly string[] };
}

interface ResolvedBase extends TargetPaths {
	/** The name that the eval uses. */
	readonly name: string;
	/** From the one that the eval names to the concrete one; can be empty. */
	readonly via: readonly TargetHop[];
	/** In file spelling, the chain's overrides merged, `${{ }}` replaced. */
	readonly wire: Readonly<Record<string, unknown>>;
	/** The layer that each wire key came from: its location, base directory and text. */
	readonly origin: ReadonlyMap<string, TargetLayer>;
	readonly graderTarget?: string;
	readonly at: Place;
}

/** A target that can be run: its chain flattened, its settings checked by its provider's schema. */
export type ResolvedTarget = {
	[Name in ProviderName]: ResolvedBase & { readonly provider: Name; readonly settings: ProviderSettings<Name> };
}[ProviderName];

export type TargetResolution =
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

/** Reports a chain that ends without a provider; it is then not `whole`. */
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
			log.report(finding(targetCircular, { circle: [...names.slice(names.indexOf(name)), name] }, at));
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

/** Returns the variables at a location of a targets file. */
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
					hint: `providers: ${Object.keys(providerSchemas).join(", ")}`,
				},
				choice.at,
			),
		);
		return undefined;
	}
	const provider = providerOf(written);
	const providerPlace = origin.get("provider");
	if (!provider) {
		const known = [...Object.keys(providerSchemas), ...Object.keys(providerAliases)];
		const nearest = nearestName(written, known);
		log.report(
			finding(
				targetInvalid,
				{
					name: choice.name,
					reason: `has the unknown provider ${JSON.stringify(written)}`,
					hint: nearest
						? `did you mean ${JSON.stringify(nearest)}?`
						: `providers: ${Object.keys(providerSchemas).join(", ")}`,
				},
				providerPlace ? child(providerPlace.part, "provider").at : choice.at,
			),
		);
		return undefined;
	}
	return checkSettings(choice, provider, via, wire, origin, log);
}

const spellings = [
	["grader_target", "judge_target"],
	["base_url", "endpoint"],
	["max_output_tokens", "max_tokens"],
	["files_format", "attachments_format"],
];

function otherSpellings(key: string): string[] {
	return spellings.flatMap((names) => (names.includes(key) ? names.filter((name) => name !== key) : []));
}

/** Returns the provider for `written`, in its current or another spelling. */
export function providerOf(written: string): ProviderName | undefined {
	if (Object.hasOwn(providerSchemas, written)) return written as ProviderName;
	return lookUp(providerAliases, written);
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
	const settings = readShape(providerSchemas[provider], merged, {
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
	// pi uses an address only for Azure; for other vendors it would contact its own.
	if (provider === "pi-cli" && wire.base_url && !String(wire.subprovider).startsWith("azure")) {
		const layer = origin.get("base_url");
		const hint = "remove it, or use `subprovider: azure`; configure other addresses in pi itself";
		const at = layer ? child(layer.part, "base_url").at : choice.at;
		log.report(finding(unsupportedField, { key: "base_url", hint }, { ...at, part: "key" }));
	}
	if (settings.providerBatching) {
		const layer = origin.get("provider_batching");
		const at = layer ? child(layer.part, "provider_batching").at : choice.at;
		log.report(finding(targetBatching, { name: choice.name }, at));
	}
	const base = { name: choice.name, via, wire: settled, origin, at: choice.at, ...targetPaths(settled, origin, log) };
	const grader = settings.graderTarget ?? settings.judgeTarget;
	return { ...base, ...(grader === undefined ? {} : { graderTarget: grader }), provider, settings } as ResolvedTarget;
}
