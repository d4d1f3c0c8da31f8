import { type ChildProcess, fork } from "node:child_process";
import { isResourceError, resourceError } from "../files/file-error.ts";
import { nodeExecutable } from "./node-executable.ts";
import { workerEntry } from "./worker-entry.ts";

export type Computation =
	| { readonly kind: "match"; readonly pattern: string; readonly flags: string; readonly text: string }
	| {
			readonly kind: "schema";
			readonly schema: Readonly<Record<string, unknown>> | boolean;
			/** JSON to validate; absent: check the schema itself. */
			readonly text?: string;
	  };

/** Where a value does not match its schema. */
export interface Problem {
	readonly instancePath: string;
	readonly message?: string;
}

interface Results {
	/** The start of the first match. */
	readonly match: { readonly kind: "match"; readonly found?: string };
	/** At most ten. */
	readonly schema: { readonly kind: "schema"; readonly problems: readonly Problem[] };
}

export type Outcome<Kind extends Computation["kind"]> =
	| Results[Kind]
	| { readonly kind: "timeout" }
	| { readonly kind: "error"; readonly message: string };

interface Question {
	readonly computation: Computation;
	readonly settle: (outcome: Outcome<Computation["kind"]>) => void;
}

export const computingLimitMs = 2000;

/**
 * Computes what an eval or a record requests, and may have made endless, in a separate process: it
 * is killed after two seconds, and blocks neither the program nor Ctrl-C. Computations run one by
 * one; the time starts when each one does.
 * @example const outcome = await compute({ kind: "match", pattern: "^a+$", flags: "", text: answer });
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

/** Starts a child that does not keep this process alive, and ends with it. */
function startChild(): ChildProcess {
	const started = fork(workerEntry("io/process/computing-host"), [], {
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
	const message = isResourceError(error) ? resourceError("a process", error)?.message : undefined;
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
