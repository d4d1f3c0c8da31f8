import type { Diagnostic, Place } from "../../base/diagnostic.ts";
import type { EvalContext } from "../eval-context.ts";
import { writtenValue } from "../path-references.ts";
import type { FieldChange } from "./change.ts";

/** Older keys that only have another name now. */
const renamed = new Set([
	...["assert", "evaluators", "eval_cases", "evalcases", "expected_outcome", "script", "judge_target", "path"],
	...["max_tokens", "endpoint", "attachments_format"],
]);
/** What of an eval's `execution` block has the same name, and form, one level up. */
const flat = new Set(["target", "targets", "workers", "threshold", "budget_usd"]);

/** The changes that write today's spelling of the field that `found` (of `schema.deprecated`) is about. */
export function deprecatedChanges({ at, data }: Diagnostic, context: EvalContext): FieldChange[] {
	const { key, instead } = data as { readonly key: string; readonly instead: string };
	const path = at.path ?? [];
	const place: Place = { file: at.file, path, ...(at.line === undefined ? {} : { line: at.line }) };
	const holder: Place = { ...place, path: path.slice(0, -1) };
	const around = writtenValue(holder, context);
	if (typeof around !== "object" || around === null) return [];
	const fields = around as Readonly<Record<string, unknown>>;
	const says = `${key} → ${instead}`;
	if (at.part !== "key") return [{ kind: "value", at: place, value: instead, says }];
	if (renamed.has(key)) return Object.hasOwn(fields, instead) ? [] : [{ kind: "key", at: place, key: instead, says }];
	if (key === "timeout_ms" && typeof fields.timeout_ms === "number")
		return [
			{ kind: "value", at: place, value: fields.timeout_ms / 1000, says },
			{ kind: "key", at: place, key: instead, says },
		];
	if (key === "execution") return unwrap(place, fields);
	if (key === "source") return repository(place, holder, fields, "repo", ["url", "path"]);
	if (key === "checkout") return repository(place, holder, fields, "commit", ["ref"]);
	return [];
}

function unwrap(at: Place, fields: Readonly<Record<string, unknown>>): FieldChange[] {
	const held = fields.execution;
	if (typeof held !== "object" || held === null) return [];
	const keys = Object.keys(held);
	const free = keys.every((key) => flat.has(key) && !Object.hasOwn(fields, key));
	// Of both, `targets` wins one level up but not inside.
	if (!free || keys.length === 0 || (keys.includes("targets") && keys.includes("target"))) return [];
	return [{ kind: "unwrap", at, says: `execution: { ${keys.join(", ")} } → ${keys.join(", ")}` }];
}

/** `source: {url}` → `repo`, `checkout: {ref}` → `commit`. */
function repository(
	at: Place,
	holder: Place,
	fields: Readonly<Record<string, unknown>>,
	key: string,
	from: readonly string[],
): FieldChange[] {
	const old = String(at.path?.at(-1));
	const held = fields[old];
	if (typeof held !== "object" || held === null || Object.hasOwn(fields, key)) return [];
	const entries = Object.entries(held).filter(([name]) => name !== "type");
	const [only] = entries;
	if (entries.length !== 1 || !only || !from.includes(only[0]) || typeof only[1] !== "string") return [];
	const says = `${old}.${only[0]} → ${key}`;
	return [
		{ kind: "entry", at: holder, key, value: only[1], says },
		{ kind: "remove", at, says },
	];
}
