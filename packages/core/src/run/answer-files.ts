import { resolve } from "node:path";
import { resolvePath } from "../eval/read-shape.ts";
import { textOf } from "../grading/grade-answer.ts";
import { AgentvError } from "../lib/errors.ts";
import { isInside, realPath, targetKind } from "../machine/files.ts";
import { type AnswerPart, largestAnswer, tooLarge } from "../targets/contract.ts";
import { partText } from "../targets/read-answer.ts";
import { type Answer, AttemptError, interrupted } from "./attempt.ts";
import type { RunContext } from "./run-context.ts";
import type { PlannedCase } from "./run-plan.ts";

type FilePart = Exclude<AnswerPart, { type: "text" }>;

/**
 * Adds the texts of an answer's files, with preprocessors.
 * @throws AttemptError if a file is missing or its preprocessor fails: the answer is not graded
 */
export async function withFileTexts(
	answer: Answer,
	planned: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<Answer> {
	const index = answer.messages.findLastIndex(({ role }) => role === "assistant");
	const last = answer.messages[index];
	if (!last?.parts) return answer;
	const texts: string[] = [];
	const files: string[] = [];
	const known = new Map<string, Promise<string>>();
	let size = 0;
	for (const part of last.parts) {
		const key = JSON.stringify(part);
		if (isLocal(part) && !known.has(key)) known.set(key, fileText(part, planned, workspacePath, context));
		const text = (await known.get(key)) ?? partText(part);
		size += Buffer.byteLength(text);
		if (known.size > maxFiles) throw tooMuch(`refers to more than ${maxFiles} files`);
		if (size > largestAnswer) throw tooMuch(`is larger than ${largestAnswer / 1024 / 1024} MB including its files`);
		texts.push(text);
		if (part.type !== "text") files.push(text);
	}
	const content = texts.join("\n\n");
	// A program can report a text besides the messages; the files belong to both.
	const text = answer.text === last.content ? content : [answer.text, ...files].join("\n\n");
	const messages = answer.messages.map((message, position) => (position === index ? { ...message, content } : message));
	return { ...answer, text, messages };
}

function isLocal(part: AnswerPart): part is FilePart {
	return part.type !== "text" && !/^(data:|https?:\/\/)/i.test(part.path);
}

async function fileText(
	part: FilePart,
	planned: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<string> {
	const name = partText(part);
	try {
		const file = locate(part.path, workspacePath ?? directoryOf(planned, context));
		const { preprocessors } = planned.test.suite;
		const options = { preprocessors, runCommand: context.commands(planned), signal: context.signal };
		const text = await textOf(file, part.path, part.mediaType, options);
		return text === undefined ? name : `${name}\n${text}`;
	} catch (error) {
		if (context.signal.aborted) throw interrupted();
		if (!(error instanceof AgentvError)) throw error;
		throw unreadable(error.message);
	}
}

const maxFiles = 100;

function tooMuch(what: string): AttemptError {
	const { message, code } = tooLarge(what);
	return new AttemptError({ stage: "target", code, message, causedBy: "agent" });
}

function unreadable(message: string): AttemptError {
	return new AttemptError({ stage: "target", code: "answer-file", message, causedBy: "agent" });
}

function directoryOf({ test, target: { target } }: PlannedCase, { plan }: RunContext): string {
	const { scope } = test.suite;
	const cwd = target.cwd && resolvePath(target.cwd, scope, plan.view);
	return cwd?.found === undefined ? scope.directory : cwd.path;
}

/** Keeps an agent from making AgentV read other files. @throws AgentvError */
function locate(path: string, directory: string): string {
	const named = `the answer refers to ${JSON.stringify(path)}, which is`;
	const real = realPath(resolve(directory, path));
	if (!isInside(realPath(directory), real))
		throw new AgentvError("refused", `${named} outside the agent's working directory`);
	if (targetKind(real) !== "file") throw new AgentvError("not-found", `${named} not a file`);
	return real;
}
