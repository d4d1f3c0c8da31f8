import { digestText } from "../io/files/digest-tree.ts";
import type { WorkspaceSpec } from "./contract.ts";

/** Equal for specs that can share one prepared base: the same words of the same files, wherever in them they stand. */
export function workspaceKey(spec: WorkspaceSpec): string {
	const { workspace, extensions, targetHooks, scope } = spec;
	const text = JSON.stringify([workspace ?? null, extensions, targetHooks ?? null, scope], (key, value: unknown) =>
		// Where a path is relative to (`base`) counts, where it is written does not.
		key === "at" ? undefined : value,
	);
	return digestText(text).slice(0, 32);
}
