import { digestText } from "../io/files/digest-tree.ts";
import type { WorkspaceSpec } from "./contract.ts";

/** Equal for specs with the same content, wherever it is written. */
export function workspaceKey(spec: WorkspaceSpec): string {
	const { workspace, extensions, targetHooks, scope } = spec;
	const text = JSON.stringify([workspace ?? null, extensions, targetHooks ?? null, scope], (key, value: unknown) =>
		// The directory of relative paths (`base`) counts, the location does not.
		key === "at" ? undefined : value,
	);
	return digestText(text).slice(0, 32);
}
