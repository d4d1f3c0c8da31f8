import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { type JsonReading, readJson } from "../../base/read-json.ts";
import type { Environment } from "../environment.ts";
import { errnoCode } from "../files/file-error.ts";
import { LineSplitter } from "./line-splitter.ts";
import { endGroup, forgetGroup, trackGroup } from "./process-group.ts";
import { keepGroup } from "./process-scope.ts";

export interface JsonChildOptions {
	readonly argv: readonly string[];
	readonly cwd: string;
	/** The complete environment of the process. */
	readonly env: Environment;
	/** Called with each line of stdout and stderr. */
	readonly onLine?: ((line: string) => void) | undefined;
}

/** One JSON value per line: requests on descriptor 3, responses on 4. */
export interface JsonChild {
	/** Resolves with a message when the process has ended. */
	readonly ended: Promise<string>;
	/**
	 * Sends a request and resolves with the next response. One request at a time. @throws Error with
	 * the message if the process ends first
	 */
	ask(question: unknown): Promise<unknown>;
	/** Ends the process and its group. */
	end(): Promise<void>;
}

/** Starts it in its own process group. A program that can't be started counts as ended. */
export function startJsonChild(options: JsonChildOptions): JsonChild {
	const [program = "", ...args] = options.argv;
	const child = spawn(program, args, {
		cwd: options.cwd,
		env: { ...options.env },
		detached: process.platform !== "win32",
		windowsHide: true,
		stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
	});
	const { pid } = child;
	if (pid !== undefined) trackGroup(pid);
	const release = pid === undefined ? undefined : keepGroup(pid);
	for (const stream of [child.stdout, child.stderr]) {
		const lines = new LineSplitter((line) => options.onLine?.(line));
		stream?.on("data", (chunk: Buffer) => lines.write(chunk));
		stream?.on("end", () => lines.end());
	}
	const answers = answersOf(child);
	const ended = endOf(child, program);
	return {
		ended,
		ask: (question) => answers.next(question, ended),
		async end() {
			if (pid === undefined) return;
			await endGroup(pid, 500);
			forgetGroup(pid);
			release?.();
			for (const stream of child.stdio) stream?.destroy();
		},
	};
}

function endOf(child: ChildProcess, program: string): Promise<string> {
	return new Promise((resolve) => {
		child.once("error", (error) =>
			resolve(errnoCode(error) === "ENOENT" ? `${program} was not found` : `${program}: ${error.message}`),
		);
		child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `exited with code ${code}`));
	});
}

/** Characters of one response. */
const longestAnswer = 64 * 1024 * 1024;

function answersOf(child: ChildProcess) {
	const [input, output] = [child.stdio[3] as Writable | null, child.stdio[4] as Readable | null];
	let waiting: ((answer: JsonReading) => void) | undefined;
	let lines: string[] = [];
	let size = 0;
	// A line can arrive in chunks of bounded size; a response ends with an empty line.
	const splitter = new LineSplitter((line) => {
		size += line.length;
		// Drop what is too long, so that memory stays bounded.
		if (line !== "") {
			if (size <= longestAnswer) lines.push(line);
			else lines = [];
			return;
		}
		const answer = size <= longestAnswer ? readJson(lines.join("")) : { reason: "too long", offset: 0 };
		[lines, size] = [[], 0];
		waiting?.(answer);
	});
	output?.on("data", (chunk: Buffer) => splitter.write(chunk));
	// The process can end during a request: `ended` reports that.
	for (const stream of [input, output]) stream?.on("error", () => undefined);
	return {
		async next(question: unknown, ended: Promise<string>): Promise<unknown> {
			const answer = new Promise<unknown>((resolve, reject) => {
				waiting = (read) => {
					if ("value" in read) resolve(read.value);
					else reject(new Error(`wrote a response that is not JSON: ${read.reason}`));
				};
			});
			input?.write(`${JSON.stringify(question)}\n`);
			const end = ended.then((how) => {
				throw new Error(how);
			});
			try {
				return await Promise.race([answer, end]);
			} finally {
				waiting = undefined;
				end.catch(() => undefined);
			}
		},
	};
}
