import { lookUp } from "../../base/look-up.ts";
import { digestText } from "../../io/files/digest-tree.ts";
import type { ToolCall } from "../../schema/message.ts";
import {
	fillPlaceholders,
	type JudgeVariable,
	judgeVariables,
	promptPlaceholders,
} from "../../schema/prompt-variables.ts";
import { answerText } from "../answer-text.ts";
import type { Subject } from "../contract.ts";
import { condenseChanges } from "./condense-changes.ts";

const longestMaterial = 200_000;

/** Values for a prompt in addition to the subject. */
export interface PromptParts {
	/** The grader's own criteria, as written in evals. */
	readonly rubrics?: readonly object[] | undefined;
	/** The results of a composite's graders, as JSON. */
	readonly results?: string;
	/** Placeholders to leave unfilled. */
	readonly except?: ReadonlySet<string>;
}

/** Fences everything that the candidate can write, so that it can't pass for instructions. */
export async function fillPrompt(prompt: string, subject: Subject, parts: PromptParts = {}): Promise<string> {
	const values = new Map<string, string>();
	for (const { name } of promptPlaceholders(prompt)) {
		if (values.has(name) || parts.except?.has(name) || !isKnown(name)) continue;
		const value = await valueFor(nameOf(name), subject, parts);
		if (value !== undefined) values.set(name, value);
	}
	return fillPlaceholders(prompt, (name) => values.get(name));
}

function isKnown(name: string): name is JudgeVariable {
	return Object.hasOwn(judgeVariables, name);
}

/** Returns the current name of a variable. */
function nameOf(name: JudgeVariable): JudgeVariable {
	const variable = judgeVariables[name];
	return "aliasOf" in variable ? variable.aliasOf : name;
}

/** Returns whether a prompt has placeholders for the material. */
export function hasPlaceholders(prompt: string): boolean {
	return promptPlaceholders(prompt).some(({ name }) => isKnown(name));
}

/** Returns whether a prompt has a placeholder for the answer. */
export function holdsAnswer(prompt: string, except: ReadonlySet<string> = new Set()): boolean {
	return promptPlaceholders(prompt).some(
		({ name }) => isKnown(name) && !except.has(name) && judgeVariables[name].holds === "answer",
	);
}

/** Returns whether a prompt has a placeholder for the results of a composite's graders. */
export function holdsResults(prompt: string): boolean {
	return promptPlaceholders(prompt).some(({ name }) => isKnown(name) && judgeVariables[name].holds === "results");
}

const none = "(none)";

/** Undefined if the prompt's grader has no such value: then the placeholder stays. */
async function valueFor(name: JudgeVariable, subject: Subject, parts: PromptParts): Promise<string | undefined> {
	switch (name) {
		case "output":
			return fence(answerText(subject));
		case "input":
			return fence(subject.prompt);
		case "input_files":
			return inputFiles(subject);
		case "expected_output":
			return subject.expectedOutput === undefined ? none : fence(subject.expectedOutput);
		case "criteria":
			return subject.criteria ?? none;
		case "file_changes":
			return subject.fileChanges ? fence(condenseChanges(subject.fileChanges, longestMaterial)) : none;
		case "tool_calls":
			return subject.toolCalls.length === 0 ? none : fence(subject.toolCalls.map(describeCall).join("\n"));
		case "metadata":
			return fence(JSON.stringify(subject.metadata, null, 2));
		case "metadata_json":
			return fence(JSON.stringify(subject.metadata));
		case "rubrics":
			return parts.rubrics ? JSON.stringify(parts.rubrics, null, 2) : none;
		case "rubrics_json":
			return parts.rubrics ? JSON.stringify(parts.rubrics) : none;
		case "grader_results_json":
			return parts.results === undefined ? undefined : fence(parts.results);
		default:
			return undefined;
	}
}

const longestDetail = 120;

/** Returns a line for a tool call: the tool's name and the distinguishing part of its input. */
function describeCall({ tool, input }: ToolCall): string {
	const detail = callDetail(tool, input);
	if (detail === undefined) return `- ${tool}`;
	const line = detail.replaceAll(/\s+/g, (blanks) => (/[\r\n]/.test(blanks) ? " " : blanks));
	return `- ${tool}: ${line.length > longestDetail ? `${line.slice(0, longestDetail)}…` : line}`;
}

const detailKeys: Readonly<Record<string, string>> = {
	...{ skill: "skill", read: "file_path", write: "file_path", edit: "file_path" },
	...{ bash: "command", grep: "pattern", glob: "pattern" },
};

function callDetail(tool: string, input: unknown): string | undefined {
	if (typeof input === "string") return input;
	if (typeof input !== "object" || input === null) return undefined;
	const own = (input as Readonly<Record<string, unknown>>)[lookUp(detailKeys, tool.toLowerCase()) ?? ""];
	if (typeof own === "string") return own;
	return Object.values(input).find((value) => typeof value === "string" && value.length <= longestDetail);
}

async function inputFiles(subject: Subject): Promise<string> {
	const files = await subject.inputFiles();
	if (files.length === 0) return none;
	return files.map(({ path, text }) => fence(`${path}:\n${text ?? "(no text)"}`)).join("\n\n");
}

/** Returns text between tags with its own SHA-256: no text can contain its own closing tag. */
export function fence(text: string): string {
	const cut =
		text.length > longestMaterial
			? `${text.slice(0, longestMaterial)}\n[… ${text.length - longestMaterial} more characters]`
			: text;
	const tag = `material-${digestText(cut).slice(0, 32)}`;
	return `<${tag}>\n${cut}\n</${tag}>`;
}
