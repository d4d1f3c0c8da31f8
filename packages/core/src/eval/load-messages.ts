import type { z } from "zod";
import { type CommandText, wireFieldsOf } from "../format/codec.ts";
import {
	type contentSchema,
	customAssertionSchema,
	type expectedOutputSchema,
	type inputSchema,
	judgeVariables,
	type MessageEntry,
	type PromptVariable,
	roles,
} from "../format/eval-file.ts";
import { type AssertionType, builtInType, graders } from "../grading/graders/index.ts";
import { finding, type Place } from "../lib/errors.ts";
import { fillTemplate, fillTemplateInPart, type TemplateName, templateNames } from "../lib/interpolate.ts";
import { writtenJson } from "../lib/json.ts";
import { nearestName } from "../lib/text.ts";
import { nameAt } from "./check-tests.ts";
import type { Assertion, ContentPiece, Message } from "./eval-types.ts";
import { promptBlind, promptName } from "./load-findings.ts";
import { commandOf } from "./load-workspace.ts";
import type { Loading } from "./loading.ts";
import { type PathText, resolvePath } from "./read-shape.ts";
import { child, type Part, placeOf, type Vars } from "./source.ts";

type InputValue = z.output<typeof inputSchema>;
type ExpectedValue = z.output<typeof expectedOutputSchema>;
type Content = z.output<typeof contentSchema>;

export function readMessages(value: InputValue, part: Part, base: string): Message[] {
	if (typeof value === "string") return [{ role: "user", content: value }];
	if (!Array.isArray(value)) return [readMessage(value, part, [], base)];
	return value.map((entry, index) =>
		typeof entry === "string" ? { role: "user", content: entry } : readMessage(entry, part, [index], base),
	);
}

/** Objects that aren't messages are answers whose text is their JSON. */
export function readExpected(value: ExpectedValue, part: Part, base: string): Message[] {
	if (!Array.isArray(value) && isMessage(value)) return [readMessage(value, part, [], base)];
	if (Array.isArray(value)) {
		const messages = (value as readonly unknown[]).filter(isMessage);
		if (messages.length > 0 && messages.length === value.length)
			return messages.map((entry, index) => readMessage(entry, part, [index], base));
	}
	return [{ role: "assistant", content: typeof value === "string" ? value : scalarOrJson(value, part) }];
}

/** Numbers remain as written, also inside JSON. */
function scalarOrJson(value: unknown, part: Part): string {
	if (typeof value === "number" || typeof value === "boolean") return part.written([]) ?? String(value);
	return writtenJson(value, part.written, 2);
}

function isMessage(value: unknown): value is MessageEntry {
	const role = typeof value === "object" && value !== null ? (value as Record<string, unknown>).role : undefined;
	return roles.some((name) => name === role);
}

function readMessage(entry: MessageEntry, part: Part, path: number[], base: string): Message {
	return {
		role: entry.role,
		content: readContent(entry.content, part, [...path, "content"], base),
		name: entry.name,
		toolCalls: entry.toolCalls,
	};
}

function readContent(
	content: Content | undefined,
	part: Part,
	path: (string | number)[],
	base: string,
): Message["content"] {
	if (content === undefined) return "";
	if (typeof content === "string") return content;
	if (!Array.isArray(content)) return writtenJson(content, child(part, ...path).written, 2);
	return content.map((piece, index): ContentPiece => {
		if (piece.type === "text") return { type: "text", text: piece.value };
		const at = placeOf(part, [...path, index, "value"]);
		return {
			type: piece.type,
			path: { kind: "input-file", raw: piece.value, at, base },
			mediaType: piece.mediaType,
		};
	});
}

export function messageText(message: Message): string {
	if (typeof message.content === "string") return message.content;
	return message.content.flatMap((piece) => (piece.type === "text" ? [piece.text] : [])).join("\n\n");
}

export function withInputFiles(messages: readonly Message[], files: readonly ContentPiece[]): Message[] {
	if (files.length === 0) return [...messages];
	const target = messages.findIndex((message) => message.role === "user");
	return messages.map((message, index) => {
		if (index !== target) return message;
		const content =
			typeof message.content === "string" ? [{ type: "text" as const, text: message.content }] : message.content;
		return { ...message, content: [...files, ...content] };
	});
}

export function inputFilePieces(files: readonly string[] | undefined, part: Part, base: string): ContentPiece[] {
	return (files ?? []).map((raw, index) => {
		const at = Array.isArray(part.value) ? placeOf(part, [index]) : part.at;
		return { type: "file", path: { kind: "input-file", raw, at, base } };
	});
}

type PromptUse = "grader" | "aggregator";

const variables: ReadonlyMap<string, PromptVariable> = new Map(Object.entries(judgeVariables));

type Prompt = string | { command: CommandText; cwd?: string | undefined } | undefined;

/** A file begins with `file://`, `./` or `../`, or is one line ending in `.md` or `.txt`. */
export function promptOf(
	prompt: Prompt,
	part: Part,
	base: string,
	use: PromptUse,
	loading: Loading,
): Pick<Assertion, "promptFile" | "promptText" | "command"> {
	if (prompt === undefined) return {};
	const own = child(part, "prompt");
	if (typeof prompt !== "string")
		return { command: commandOf("prompt-command", prompt.command, own, "command", prompt.cwd, base) };
	const isFile = /^(file:\/\/|\.{1,2}\/)/.test(prompt) || /^[^\n]*\.(md|txt)$/.test(prompt.trim());
	if (!isFile || prompt.trim().includes("\n")) {
		checkPromptText(prompt, own, use, loading);
		return {};
	}
	const promptFile: PathText = { kind: "prompt", raw: prompt.trim(), at: own.at, base };
	return { promptFile, ...checkPromptFile(promptFile, own, use, loading) };
}

/** `part` is the prompt before `vars` are filled in. */
function checkPromptText(text: string, part: Part, use: PromptUse, loading: Loading): void {
	checkPrompt(text, part, use, (found) => nameAt(found, part.at, loading), loading);
}

function checkPromptFile(
	file: PathText,
	part: Part,
	use: PromptUse,
	loading: Loading,
): { readonly promptText?: string } {
	const { path, kind } = resolvePath(file, loading.scope, loading.view);
	if (kind !== "file" || loading.refuses(path, { raw: file.raw, kind: "prompt file", at: file.at })) return {};
	const text = loading.plainText(path, file.at);
	if (text === undefined) return {};
	checkPrompt(text, part, use, ({ range }) => ({ file: path, range }), loading);
	const filled = fillTemplateInPart(text, (part.vars ?? noVars).text);
	return filled === text ? {} : { promptText: filled };
}

function checkPrompt(
	text: string,
	part: Part,
	use: PromptUse,
	placeOfName: (found: TemplateName) => Place,
	loading: Loading,
): void {
	const vars = part.vars ?? noVars;
	const left = templateNames(text).filter(({ name }) => vars.text(name) === undefined);
	// Without a variable, it is an instruction that the material is appended to.
	const [first] = left;
	if (!first) return;
	const wanted = use === "grader" ? "answer" : "results";
	const usable = [...variables].filter(([, { holds }]) => use === "aggregator" || holds !== "results");
	const known = [...usable.map(([name]) => name), ...vars.names()];
	let isBlind = true;
	for (const found of left) {
		const variable = usable.find(([name]) => name === found.name.toLowerCase())?.[1];
		if (variable?.holds === wanted) isBlind = false;
		if (variable) continue;
		const data = { name: found.name, nearest: nearestName(found.name, known), known };
		loading.report(finding(promptName, data, placeOfName(found)));
		// The unknown name may have meant the answer.
		isBlind = false;
	}
	if (!isBlind) return;
	const holding = usable.filter(([, { holds, aliasOf }]) => holds === wanted && aliasOf === undefined);
	const names = holding.map(([name]) => name);
	loading.report(finding(promptBlind, { wanted, names }, placeOfName(first)));
}

export function restOf(
	entry: Readonly<Record<string, unknown>>,
	known: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
	const keys = Object.keys(entry).filter((key) => !known.has(key));
	return keys.length === 0 ? nothing : Object.fromEntries(keys.map((key) => [key, entry[key]]));
}

const nothing: Readonly<Record<string, unknown>> = {};

export function wireKeys(type: AssertionType): ReadonlySet<string> {
	const known = keysOfTypes.get(type) ?? new Set(wireFieldsOf(graders[type].schema).keys());
	keysOfTypes.set(type, known);
	return known;
}

const keysOfTypes = new Map<AssertionType, ReadonlySet<string>>();

export const customKeys: ReadonlySet<string> = new Set(wireFieldsOf(customAssertionSchema).keys());

export const noVars: Vars = { isGiven: false, text: () => undefined, names: () => [] };

/** @param mayInsert is called before each use of a text; a rejected text counts as missing */
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

export function withVars(part: Part, vars: Vars): Part {
	return filledPart(part, vars, fill(part.value, vars, testKeys));
}

export function withVarsInGraders(part: Part, vars: Vars): Part {
	return filledPart(part, vars, fillGraders(part.value, vars));
}

function filledPart(part: Part, vars: Vars, value: unknown): Part {
	return { ...part, value, vars, fill: (text) => fillTemplate(part.fill(text), vars.text) };
}

export function fillVars<Value>(value: Value, vars: Vars): Value {
	return fill(value, vars, noKeys) as Value;
}

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
	const holds = builtIn && graders[builtIn].holds;
	if (holds === "prompt") return judgeKeys;
	return holds === "assertions" ? compositeKeys : noKeys;
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
