import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type JsonReading, readJson } from "../lib/json.ts";
import { type Environment, nodeExecutable } from "./environment.ts";
import { errnoCode, resourceError } from "./files.ts";
import { endGroup, forgetGroup, keepGroup, trackGroup } from "./process-scope.ts";
import { LineSplitter } from "./run-process.ts";

type Computation =
	| { readonly kind: "match"; readonly pattern: string; readonly flags: string; readonly text: string }
	| {
			readonly kind: "schema";
			readonly schema: Readonly<Record<string, unknown>> | boolean;
			/** JSON to validate; absent: check the schema itself. */
			readonly text?: string;
	  };

interface Problem {
	readonly instancePath: string;
	readonly message?: string;
}

interface Results {
	readonly match: { readonly kind: "match"; readonly found?: string };
	/** At most ten. */
	readonly schema: { readonly kind: "schema"; readonly problems: readonly Problem[] };
}

type Outcome<Kind extends Computation["kind"]> =
	| Results[Kind]
	| { readonly kind: "timeout" }
	| { readonly kind: "error"; readonly message: string };

interface Question {
	readonly computation: Computation;
	readonly settle: (outcome: Outcome<Computation["kind"]>) => void;
}

export const computingLimitMs = 2000;

/**
 * Computes what an eval or a record requests, which can be endless, in a separate process: it is
 * killed after two seconds, and blocks neither the program nor Ctrl-C. Computations run one by one;
 * the time starts when each one does.
 * @example const outcome = await compute({ kind: "match", pattern: "^a+$", flags: "", text: answer
 * });
 */
export function compute<Kind extends Computation["kind"]>(
	computation: Extract<Computation, { kind: Kind }>,
): Promise<Outcome<Kind>> {
	return new Promise((settle) => {
		waiting.push({ computation, settle: settle as Question["settle"] });
		next();
	});
}

const waiting: Question[] = [];
let current: Question | undefined;
let child: ChildProcess | undefined;
let timer: NodeJS.Timeout | undefined;

function next(): void {
	if (current) return;
	current = waiting.shift();
	if (!current) return;
	try {
		child ??= startChild();
		child.ref();
		child.channel?.ref();
		child.send(current.computation);
	} catch (error) {
		settle(failure(error));
	}
}

/** The child does not keep this process alive, and ends with it. */
function startChild(): ChildProcess {
	const started = fork(workerEntry("machine/computing-host"), [], {
		execPath: nodeExecutable,
		execArgv: [],
		env: {},
		stdio: ["ignore", "ignore", "ignore", "ipc"],
		serialization: "advanced",
	});
	const ended = (outcome: Outcome<Computation["kind"]>) => {
		if (child !== started) return;
		child = undefined;
		settle(outcome);
	};
	started.on("message", (message: "begun" | Outcome<Computation["kind"]>) => {
		if (child !== started) return;
		if (message !== "begun") settle(message);
		else
			timer = setTimeout(() => {
				started.kill("SIGKILL");
				ended({ kind: "timeout" });
			}, computingLimitMs);
	});
	started.on("error", (error) => ended(failure(error)));
	started.on("exit", (code, signal) => ended({ kind: "error", message: `its process exited (${signal ?? code})` }));
	return started;
}

function failure(error: unknown): Outcome<Computation["kind"]> {
	const message = resourceError("a process", error)?.message;
	return { kind: "error", message: message ?? (error instanceof Error ? error.message : String(error)) };
}

function settle(outcome: Outcome<Computation["kind"]>): void {
	const question = current;
	if (!question) return;
	clearTimeout(timer);
	current = undefined;
	child?.unref();
	child?.channel?.unref();
	question.settle(outcome);
	next();
}

interface JsonChildOptions {
	readonly argv: readonly string[];
	readonly cwd: string;
	readonly env: Environment;
	readonly onLine: (line: string) => void;
}

/** In characters. */
const maxAnswer = 64 * 1024 * 1024;

/** Receives requests on descriptor 3 and responds on 4, each in one line of JSON. */
export class JsonChild {
	readonly #child: ChildProcess;
	readonly #release: (() => void) | undefined;
	/** Resolves with a message when the process has ended. */
	readonly #ended: Promise<string>;
	#take: ((answer: JsonReading) => void) | undefined;

	constructor({ argv: [program = "", ...args], cwd, env, onLine }: JsonChildOptions) {
		const child = spawn(program, args, {
			cwd,
			env: { ...env },
			detached: process.platform !== "win32",
			windowsHide: true,
			stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
		});
		this.#child = child;
		if (child.pid !== undefined) {
			trackGroup(child.pid);
			this.#release = keepGroup(child.pid);
		}
		for (const stream of [child.stdout, child.stderr]) splitLines(stream, onLine);
		// The process can end during a request: `ended` reports that.
		for (const stream of child.stdio) stream?.on("error", () => undefined);
		this.#readAnswers(child.stdio[4] as Readable | null);
		this.#ended = new Promise((resolve) => {
			child.once("error", (error) =>
				resolve(errnoCode(error) === "ENOENT" ? `${program} was not found` : `${program}: ${error.message}`),
			);
			child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `exited with code ${code}`));
		});
	}

	#readAnswers(output: Readable | null): void {
		let lines: string[] = [];
		let size = 0;
		// A line can arrive in chunks of bounded size; a response ends with an empty line.
		splitLines(output, (line) => {
			size += line.length;
			// Drop what is too long, so that memory stays bounded.
			if (size > maxAnswer) lines = [];
			else if (line !== "") lines.push(line);
			if (line !== "") return;
			const answer = size <= maxAnswer ? readJson(lines.join("")) : { reason: "too long", offset: 0 };
			[lines, size] = [[], 0];
			this.#take?.(answer);
		});
	}

	/** Only one request at a time. @throws Error if the process ends first */
	async ask(question: unknown): Promise<unknown> {
		const answer = new Promise<JsonReading>((resolve) => {
			this.#take = resolve;
		});
		(this.#child.stdio[3] as Writable | null)?.write(`${JSON.stringify(question)}\n`);
		const end = this.#ended.then((how) => {
			throw new Error(how);
		});
		try {
			const read = await Promise.race([answer, end]);
			if ("value" in read) return read.value;
			throw new Error(`wrote a response that is not JSON: ${read.reason}`);
		} finally {
			this.#take = undefined;
		}
	}

	async end(): Promise<void> {
		const { pid, stdio } = this.#child;
		if (pid === undefined) return;
		await endGroup(pid, 500);
		forgetGroup(pid);
		this.#release?.();
		for (const stream of stdio) stream?.destroy();
	}
}

function splitLines(stream: Readable | null, onLine: (line: string) => void): void {
	const lines = new LineSplitter(onLine);
	stream?.on("data", (chunk: Buffer) => lines.write(chunk));
	stream?.on("end", () => lines.end());
}

/**
 * Returns the absolute path of a program for a separate process or thread. It is plain JavaScript,
 * so that any runtime starts it; bundled, it is next to the other files under its own name.
 */
export function workerEntry(name: string): string {
	const bundled = join(import.meta.dirname, `${basename(name)}.js`);
	return existsSync(bundled) ? bundled : join(import.meta.dirname, "..", `${name}.mjs`);
}
