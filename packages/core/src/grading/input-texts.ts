import { isUtf8 } from "node:buffer";
import { extname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { lookUp } from "../base/look-up.ts";
import { readBytes } from "../io/files/read-text.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { Preprocessor } from "../model/eval-types.ts";
import type { RequestMessage } from "../targets/contract.ts";
import type { InputFileText } from "./contract.ts";
import { notRun } from "./program-reply.ts";

export interface InputTextOptions {
	readonly preprocessors: readonly Preprocessor[];
	readonly runCommand: CommandRunner;
	readonly signal: AbortSignal;
}

/**
 * Returns the input files of messages as text: by the preprocessor of their extension or media type
 * if there is one, else unchanged if they are text.
 * @throws AgentvError if a preprocessor fails or a file is unreadable
 */
export async function inputTexts(
	messages: readonly RequestMessage[],
	options: InputTextOptions,
): Promise<InputFileText[]> {
	const texts: InputFileText[] = [];
	for (const { content } of messages) {
		for (const piece of content) {
			if (piece.type === "text") continue;
			const text = await textOf(piece.path, piece.name, piece.mediaType, options);
			texts.push({ path: piece.name, file: piece.path, ...(text === undefined ? {} : { text }) });
		}
	}
	return texts;
}

const mediaTypes: Readonly<Record<string, string>> = {
	pdf: "application/pdf",
	docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	csv: "text/csv",
	html: "text/html",
	json: "application/json",
	md: "text/markdown",
	txt: "text/plain",
	png: "image/png",
	jpg: "image/jpeg",
	jpeg: "image/jpeg",
};

/**
 * Returns a file as text; undefined if it is binary and has no preprocessor.
 * @throws AgentvError if its preprocessor fails or it is unreadable
 */
export async function textOf(
	file: string,
	name: string,
	given: string | undefined,
	{ preprocessors, runCommand, signal }: InputTextOptions,
): Promise<string | undefined> {
	const ending = extname(file).slice(1).toLowerCase();
	const mediaType = given ?? lookUp(mediaTypes, ending) ?? "application/octet-stream";
	const preprocessor = preprocessors.find(
		({ type }) => type === mediaType || type.replace(/^\./, "").toLowerCase() === ending,
	);
	if (!preprocessor) {
		const bytes = readBytes(file);
		return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
	}
	const result = await runCommand(preprocessor.command, {
		input: JSON.stringify({ path: file, original_path: name, media_type: mediaType }),
		timeoutMs: (preprocessor.timeoutSeconds ?? 60) * 1000,
		signal,
	});
	const what = `the preprocessor of ${name}`;
	const failed = notRun(what, result)?.couldNotRun.message;
	if (failed !== undefined) throw new AgentvError("not-runnable", failed);
	if (result.truncated) throw new AgentvError("not-runnable", `${what} printed too much, so its output was truncated`);
	if (result.exitCode === 0) return result.stdout;
	throw new AgentvError("not-runnable", `${what} exited with ${result.exitCode}: ${result.stderr.trim().slice(-1000)}`);
}
