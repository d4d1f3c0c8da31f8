import type { DocumentPath, Place } from "../base/diagnostic.ts";
import type { TestCase } from "../model/eval-types.ts";
import type { Part, Source } from "../model/source.ts";
import type { EvalContext, PromptText, TestPrompts } from "./eval-context.ts";

/** The tests of an eval that bring a text of their own, each with its texts. What all tests share comes with the first. */
export function promptTexts(context: EvalContext): readonly TestPrompts[] {
	context.remembered.prompts ??= readPrompts(context);
	return context.remembered.prompts;
}

function readPrompts(context: EvalContext): TestPrompts[] {
	const { loaded } = context;
	let shared = sharedTexts(context);
	return loaded.tests.flatMap((test) => {
		const source = loaded.sources.get(test.at.file);
		const prompts = [...shared, ...(source ? ownTexts(test, source) : [])];
		shared = [];
		return prompts.length > 0 ? [{ test, prompts }] : [];
	});
}

/** The eval's own `input`, and PROMPT.md. */
function sharedTexts({ loaded, run }: EvalContext): PromptText[] {
	const source = loaded.sources.get(loaded.file);
	const root = source?.document && source.parts[0];
	const input = root ? textsIn(fieldOf(root.value, "input"), { ...root.at, path: ["input"] }) : [];
	const prompt = loaded.files.find(({ kind }) => kind === "prompt");
	if (!prompt) return input;
	const text = run.view.kind(prompt.resolved) === "file" ? run.view.readText(prompt.resolved) : "";
	return [...input, { text, at: { file: prompt.resolved, line: 1 } }];
}

function ownTexts({ at }: TestCase, source: Source): PromptText[] {
	const part = at.line === undefined ? source.parts[0] : partsByLine(source).get(at.line);
	let value = part?.value;
	for (const key of at.path ?? []) value = fieldOf(value, key);
	const below = (...keys: DocumentPath): Place => ({ ...at, path: [...(at.path ?? []), ...keys] });
	const turns = fieldOf(value, "turns");
	return [
		...textsIn(fieldOf(value, "input") ?? fieldOf(value, "prompt"), below("input")),
		...(Array.isArray(turns) ? turns : []).flatMap((turn, index) =>
			textsIn(fieldOf(turn, "input"), below("turns", index, "input")),
		),
	];
}

const byLine = new WeakMap<Source, ReadonlyMap<number | undefined, Part>>();

/** The rows of JSON Lines, of which there may be very many. */
function partsByLine(source: Source): ReadonlyMap<number | undefined, Part> {
	const known = byLine.get(source) ?? new Map(source.parts.map((part) => [part.at.line, part]));
	byLine.set(source, known);
	return known;
}

/** The texts of an `input` value: itself, its messages, their text parts. What an assistant is made to have said asks nothing. */
function textsIn(value: unknown, at: Place): PromptText[] {
	if (typeof value === "string") return [{ text: value, at }];
	const below = (key: string | number): Place => ({ ...at, path: [...(at.path ?? []), key] });
	if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, below(index)));
	if (typeof value !== "object" || value === null) return [];
	const { role, content, type, value: text } = value as Record<string, unknown>;
	if (role === "assistant" || role === "tool") return [];
	if (type === "text" && typeof text === "string") return [{ text, at: below("value") }];
	return content === undefined ? [] : textsIn(content, below("content"));
}

function fieldOf(value: unknown, key: string | number): unknown {
	return typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;
}

/** Whether a text holds a unified diff; of `file` if given. */
export function holdsDiff(text: string, file?: string): boolean {
	const isDiff = /^(diff --git |@@ -\d|\+\+\+ |--- a\/)/m.test(text) || /```(diff|patch)\b/.test(text);
	return isDiff && (file === undefined || text.includes(file.replace(/^.*\//, "")));
}
