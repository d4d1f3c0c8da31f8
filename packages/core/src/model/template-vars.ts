import { fillTemplate, fillTemplateInPart } from "../base/template-text.ts";
import { writtenJson } from "../base/written-json.ts";
import { builtInType } from "./assertion-type.ts";
import { child, type Part, type Vars } from "./source.ts";

export const noVars: Vars = { isGiven: false, text: () => undefined, names: () => [] };

/**
 * Returns the `vars` of the test at `part`.
 * @param mayInsert is called before each use of a text; a rejected text counts as missing
 */
export function varsOf(part: Part, mayInsert: (characters: number) => boolean): Vars {
	const vars = child(part, "vars");
	if (typeof vars.value !== "object" || vars.value === null || Array.isArray(vars.value)) return noVars;
	const texts = new Map<string, string | undefined>();
	return {
		isGiven: true,
		text: (name) => {
			if (!texts.has(name)) texts.set(name, textAt(vars, name.split(".")));
			const text = texts.get(name);
			return text === undefined || mayInsert(text.length) ? text : undefined;
		},
		names: () => namesBelow(vars.value, []),
	};
}

function textAt(part: Part, keys: readonly string[]): string | undefined {
	let value = part.value;
	for (const key of keys) {
		if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
		value = (value as Readonly<Record<string, unknown>>)[key];
	}
	if (value === undefined || typeof value === "string") return value;
	if (typeof value === "number" || typeof value === "boolean") return part.written(keys) ?? String(value);
	return writtenJson(value, (path) => part.written([...keys, ...path]));
}

function namesBelow(value: unknown, path: readonly string[]): string[] {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
	return Object.entries(value).flatMap(([key, item]) => [
		[...path, key].join("."),
		...namesBelow(item, [...path, key]),
	]);
}

/** Returns the part with a test's `vars` in its strings, including those of its graders. */
export function withVars(part: Part, vars: Vars): Part {
	return filledPart(part, vars, fill(part.value, vars, testKeys));
}

/** Like `withVars`, for a list of graders. */
export function withVarsInGraders(part: Part, vars: Vars): Part {
	return filledPart(part, vars, fillGraders(part.value, vars));
}

function filledPart(part: Part, vars: Vars, value: unknown): Part {
	return { ...part, value, vars, fill: (text) => fillTemplate(part.fill(text), vars.text) };
}

/** Fills `vars` into all strings of a value; unchanged values are returned as they are. */
export function fillVars<Value>(value: Value, vars: Vars): Value {
	return fill(value, vars, noKeys) as Value;
}

/** How a key's value is filled, if not as plain data. */
type KeyFill = (value: unknown, vars: Vars) => unknown;
type KeyFills = Readonly<Record<string, KeyFill>>;

const noKeys: KeyFills = {};
const graderKeys: KeyFills = { assertions: fillGraders, assert: fillGraders, evaluators: fillGraders };
const testKeys: KeyFills = {
	...graderKeys,
	// Values of the variables themselves are data.
	vars: (value) => value,
	execution: (value, vars) => fill(value, vars, graderKeys),
	turns: (value, vars) => (Array.isArray(value) ? value.map((turn) => fill(turn, vars, graderKeys)) : value),
};
const aggregatorKeys: KeyFills = { prompt: fillPrompt };
const judgeKeys: KeyFills = { prompt: fillPrompt };
const compositeKeys: KeyFills = { ...graderKeys, aggregator: (value, vars) => fill(value, vars, aggregatorKeys) };

/** A grader's prompt is filled again when it is sent, so it keeps its escapes. */
function fillGraders(value: unknown, vars: Vars): unknown {
	if (!Array.isArray(value)) return fill(value, vars, noKeys);
	return mapChanged(value, (entry) => fill(entry, vars, keysOfGrader(entry)));
}

function keysOfGrader(entry: unknown): KeyFills {
	const type = typeof entry === "object" && entry !== null ? (entry as { type?: unknown }).type : undefined;
	const builtIn = typeof type === "string" ? builtInType(type) : undefined;
	if (builtIn === "llm-grader") return judgeKeys;
	return builtIn === "composite" ? compositeKeys : noKeys;
}

function fillPrompt(value: unknown, vars: Vars): unknown {
	return typeof value === "string" ? fillTemplateInPart(value, vars.text) : fill(value, vars, noKeys);
}

function fill(value: unknown, vars: Vars, keys: KeyFills): unknown {
	if (typeof value === "string") return fillTemplate(value, vars.text);
	if (Array.isArray(value)) return mapChanged(value, (item) => fill(item, vars, noKeys));
	if (typeof value !== "object" || value === null) return value;
	let copy: Record<string, unknown> | undefined;
	for (const [key, item] of Object.entries(value)) {
		const special = Object.hasOwn(keys, key) ? keys[key] : undefined;
		const filled = special ? special(item, vars) : fill(item, vars, noKeys);
		if (filled === item) continue;
		// Spreading creates own properties, so a key named `__proto__` stays one and the assignment
		// below sets it.
		copy ??= { ...value };
		copy[key] = filled;
	}
	return copy ?? value;
}

function mapChanged(list: readonly unknown[], change: (item: unknown) => unknown): readonly unknown[] {
	let copy: unknown[] | undefined;
	for (const [index, item] of list.entries()) {
		const changed = change(item);
		if (changed === item) continue;
		copy ??= list.slice();
		copy[index] = changed;
	}
	return copy ?? list;
}
