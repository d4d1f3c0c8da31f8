import { resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { textOf } from "../grading/input-texts.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath, targetKind } from "../io/files/stat-path.ts";
import { resolvePath } from "../model/path-text.ts";
import { largestAnswer, tooLarge } from "../targets/answer-limits.ts";
import type { AnswerPart } from "../targets/contract.ts";
import { partText } from "../targets/read-answer.ts";
import type { RunContext } from "./attempt-context.ts";
import { AttemptError, interrupted } from "./attempt-error.ts";
import type { GivenAnswer } from "./attempt-outcome.ts";
import type { PlannedCase } from "./run-plan.ts";

type FilePart = Exclude<AnswerPart, { type: "text" }>;

/**
 * Puts the text of the files that an answer consists of into its text: by a preprocessor, or as they are if they are text. A binary
 * file without a preprocessor stays `[file: path]`.
 * @throws AttemptError if a file is not there or its preprocessor fails: such an answer is not graded
 */
export async function withFileTexts(
	answer: GivenAnswer,
	one: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<GivenAnswer> {
	const index = answer.messages.findLastIndex(({ role }) => role === "assistant");
	const last = answer.messages[index];
	if (!last?.parts) return answer;
	const texts: string[] = [];
	const files: string[] = [];
	const known = new Map<string, Promise<string>>();
	let size = 0;
	for (const part of last.parts) {
		const key = JSON.stringify(part);
		if (isLocal(part) && !known.has(key)) known.set(key, fileText(part, one, workspacePath, context));
		const text = (await known.get(key)) ?? partText(part);
		size += Buffer.byteLength(text);
		if (known.size > mostFiles) throw tooMuch(`refers to more than ${mostFiles} files`);
		if (size > largestAnswer) throw tooMuch(`is larger than ${largestAnswer / 1024 / 1024} MB including its files`);
		texts.push(text);
		if (part.type !== "text") files.push(text);
	}
	const content = texts.join("\n\n");
	// A program may state its answer in addition to the messages; the files belong to it all the same.
	const text = answer.text === last.content ? content : [answer.text, ...files].join("\n\n");
	const messages = answer.messages.map((message, position) => (position === index ? { ...message, content } : message));
	return { ...answer, text, messages };
}

function isLocal(part: AnswerPart): part is FilePart {
	return part.type !== "text" && !/^(data:|https?:\/\/)/i.test(part.path);
}

async function fileText(
	part: FilePart,
	one: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<string> {
	const name = partText(part);
	try {
		const file = locate(part.path, workspacePath ?? directoryOf(one, context));
		const { preprocessors } = one.test.suite;
		const options = { preprocessors, runCommand: context.commands(one), signal: context.signal };
		const text = await textOf(file, part.path, part.mediaType, options);
		return text === undefined ? name : `${name}\n${text}`;
	} catch (error) {
		if (context.signal.aborted) throw interrupted();
		if (!(error instanceof AgentvError)) throw error;
		throw unreadable(error.message);
	}
}

/** Each takes a process if it has a preprocessor. */
const mostFiles = 100;

function tooMuch(what: string): AttemptError {
	const { message, code } = tooLarge(what);
	return new AttemptError({ stage: "target", code, message, causedBy: "agent" });
}

/** What the agent calls its answer is not there, or can't be turned into text. */
function unreadable(message: string): AttemptError {
	return new AttemptError({ stage: "target", code: "answer-file", message, causedBy: "agent" });
}

/** Where an agent without a workspace works: where the target's program runs. */
function directoryOf({ test, target: { target } }: PlannedCase, { plan }: RunContext): string {
	const { scope } = test.suite;
	const cwd = target.cwd && resolvePath(target.cwd, scope, plan.view);
	return cwd?.found === undefined ? scope.directory : cwd.path;
}

/**
 * Returns the real path of a file that an answer names: the agent may not have AgentV read what is elsewhere.
 * @throws AgentvError if it is outside of the directory, through links or not, or not a regular file
 */
function locate(path: string, directory: string): string {
	const named = `the answer refers to ${JSON.stringify(path)}, which is`;
	const real = realPath(resolve(directory, path));
	if (!isInside(realPath(directory), real))
		throw new AgentvError("refused", `${named} outside the agent's working directory`);
	if (targetKind(real) !== "file") throw new AgentvError("not-found", `${named} not a file`);
	return real;
}
