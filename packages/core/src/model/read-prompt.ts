import { finding, type Place } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import { fillTemplateInPart, type TemplateName, templateNames } from "../base/template-text.ts";
import type { CommandText } from "../schema/primitives.ts";
import { judgeVariables, type PromptVariable } from "../schema/prompt-variables.ts";
import { nameAt } from "./check-names.ts";
import type { CommandSpec } from "./command.ts";
import { promptBlind, promptName } from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import { type PathText, resolvePath } from "./path-text.ts";
import { commandOf } from "./read-command.ts";
import { child, type Part } from "./source.ts";
import { noVars } from "./template-vars.ts";

/** The purpose of a prompt: grading an answer, or aggregating a composite's results. */
export type PromptUse = "grader" | "aggregator";

const variables: ReadonlyMap<string, PromptVariable> = new Map(Object.entries(judgeVariables));

type Prompt = string | { command: CommandText; cwd?: string | undefined } | undefined;

/** A file begins with `file://`, `./` or `../`, or is one line ending in `.md` or `.txt`. */
export function promptOf(
	prompt: Prompt,
	part: Part,
	base: string,
	use: PromptUse,
	loading: Loading,
): { promptFile?: PathText; promptText?: string; command?: CommandSpec } {
	if (prompt === undefined) return {};
	const own = child(part, "prompt");
	if (typeof prompt !== "string") return { command: commandOf(prompt.command, own, "command", prompt.cwd, base) };
	const isFile = /^(file:\/\/|\.{1,2}\/)/.test(prompt) || /^[^\n]*\.(md|txt)$/.test(prompt.trim());
	if (!isFile || prompt.trim().includes("\n")) {
		checkPromptText(prompt, own, use, loading);
		return {};
	}
	const promptFile: PathText = { raw: prompt.trim(), at: own.at, base };
	return { promptFile, ...checkPromptFile(promptFile, own, use, loading) };
}

/** Checks an inline prompt. `part` is the prompt before `vars` are filled in. */
function checkPromptText(text: string, part: Part, use: PromptUse, loading: Loading): void {
	checkPrompt(text, part, use, (found) => nameAt(found, part.at, loading), loading);
}

/**
 * Reads and checks a prompt file.
 * @returns the text with the test's `vars`, if it uses any; a missing file is reported elsewhere
 */
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
