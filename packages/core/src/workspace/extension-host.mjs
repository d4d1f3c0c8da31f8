// Runs the functions of one extension module in a separate process, so that user code can only
// crash that. Requests on descriptor 3, one JSON value per line: {name, context, env}. Responses on
// descriptor 4, ended by an empty line: {result} or {error}. Usage: extension-host.mjs MODULE
import { createReadStream, writeSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** @typedef {{ name: string, context: Record<string, unknown>, env: Record<string, string> }} Question */

const path = process.argv[2] ?? "";
/** @type {Promise<Record<string, unknown>> | undefined} */
let loading;

/** @param {unknown} answer */
function send(answer) {
	const bytes = Buffer.from(`${JSON.stringify(answer)}\n\n`);
	for (let at = 0; at < bytes.length; ) {
		try {
			at += writeSync(4, bytes, at);
		} catch (error) {
			// The pipe is full and does not block: the reader will empty it.
			if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
		}
	}
}

/** @param {unknown} error */
function describe(error) {
	if (!(error instanceof Error)) return { message: String(error) };
	return { message: error.message, stack: error.stack };
}

/** @param {Question} question */
async function answer({ name, context, env }) {
	try {
		// Processes that the function starts belong to the current test.
		Object.assign(process.env, env);
		loading ??= import(pathToFileURL(path).href);
		const module = await loading;
		const value = module[name] ?? /** @type {Record<string, unknown> | undefined} */ (module["default"])?.[name];
		if (typeof value !== "function") throw new Error(`it has no exported function ${name}`);
		const result = await value(context, { hookName: name });
		// Serialized here, so that a result that is not JSON is this call's error.
		send(JSON.parse(JSON.stringify({ result: result ?? null })));
	} catch (error) {
		send({ error: describe(error) });
	}
}

/** The module can block the main thread, and the end of the run must still be noticed. */
function readQuestions() {
	// Use a socket if possible: a file stream would block a thread, and with it the end of this
	// process.
	const questions = process.versions["bun"] ? createReadStream("", { fd: 3 }) : new Socket({ fd: 3 });
	const lines = createInterface({ input: questions });
	lines.on("line", (line) => parentPort?.postMessage(line));
	// The run has ended; processes of the module are in this process's group.
	lines.on("close", () => process.kill(process.platform === "win32" ? process.pid : 0, "SIGKILL"));
}

function answerQuestions() {
	let queue = Promise.resolve();
	// Flags of the TypeScript runner are not for the thread.
	const reader = new Worker(new URL(import.meta.url), { execArgv: [] });
	reader.on("message", (/** @type {string} */ line) => {
		queue = queue.then(() => answer(JSON.parse(line)));
	});
}

if (isMainThread) answerQuestions();
else readQuestions();
