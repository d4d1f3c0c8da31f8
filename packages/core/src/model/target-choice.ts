import type { TargetChoice } from "./eval-types.ts";
import type { Part } from "./source.ts";

/**
 * Reads a `target` field: a name; an inline definition (`provider: …`);
 * `{name, extends, …overrides}`; and, from the deprecated `execution.targets`,
 * `{name, use_target, hooks}`, which means a target that extends `use_target`.
 */
export function readTargetChoice(value: unknown, part: Part, base: string): TargetChoice | undefined {
	if (typeof value === "string") return { name: value, at: part.at };
	if (typeof value !== "object" || value === null) return undefined;
	const fields = value as Readonly<Record<string, unknown>>;
	const name =
		typeof fields.name === "string" ? fields.name : typeof fields.extends === "string" ? fields.extends : "inline";
	const keys = Object.keys(fields);
	if (keys.length === 1 && keys[0] === "name") return { name, at: part.at };
	return { name, inline: fields, part, at: part.at, base };
}
