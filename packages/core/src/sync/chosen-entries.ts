import type { Registry, RegistryEntry } from "../model/registry.ts";
import { findEntry } from "../model/registry-edit.ts";

/** Returns the entries of `ids`, each once, or all of them. */
export function chosenEntries(registry: Registry, ids: readonly string[] | undefined): readonly RegistryEntry[] {
	if (ids === undefined || ids.length === 0) return registry.entries;
	return [...new Set(ids)].map((id) => findEntry(registry, id));
}
