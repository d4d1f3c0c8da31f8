import { digestText } from "../../io/files/digest-tree.ts";
import { answerText } from "../answer-text.ts";
import type { Subject } from "../contract.ts";

const longestMaterial = 200_000;

/** Puts what is judged into a prompt's `{{ … }}`, fenced so that nothing in it can pass for instructions. */
export async function fillPrompt(
	prompt: string,
	subject: Subject,
	more: Readonly<Record<string, string>> = {},
): Promise<string> {
	const output = fence(await answerText(subject));
	const input = fence(subject.prompt);
	const expected = subject.expectedOutput === undefined ? "(none)" : fence(subject.expectedOutput);
	const criteria = subject.criteria ?? "(none)";
	const values: Readonly<Record<string, string>> = {
		output,
		answer: output,
		candidate_answer: output,
		input,
		question: input,
		expected_output: expected,
		reference_answer: expected,
		criteria,
		expected_outcome: criteria,
		file_changes: subject.fileChanges ? fence(subject.fileChanges) : "(none)",
		metadata: JSON.stringify(subject.metadata),
		input_files: await inputFiles(subject, prompt),
		...more,
	};
	return prompt.replace(hole, (whole, name: string) => values[name.toLowerCase()] ?? whole);
}

const hole = /\{\{\s*([A-Za-z_]+)\s*\}\}/g;

/** Whether a prompt says itself where the material goes. */
export function hasHoles(prompt: string): boolean {
	return prompt.search(hole) !== -1;
}

async function inputFiles(subject: Subject, prompt: string): Promise<string> {
	if (!/\{\{\s*input_files\s*\}\}/i.test(prompt)) return "";
	const files = await subject.inputFiles();
	return files.map(({ path, text }) => `${path}:\n${text === undefined ? "(no text)" : fence(text)}`).join("\n\n");
}

/** Text between tags that carry its own SHA-256: nobody can write a text that holds the tag that would end it. */
export function fence(text: string): string {
	const cut =
		text.length > longestMaterial
			? `${text.slice(0, longestMaterial)}\n[… ${text.length - longestMaterial} more characters]`
			: text;
	const tag = `material-${digestText(cut).slice(0, 16)}`;
	return `<${tag}>\n${cut}\n</${tag}>`;
}
