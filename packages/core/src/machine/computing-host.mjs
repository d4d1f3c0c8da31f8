// Computes what evals and records request (regular expressions, JSON Schemas) in a thread of a
// separate process. V8 can't interrupt a thread that compiles a regular expression; only ending the
// process does. The process ends with its parent.
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** @import { Computation, Outcome, Problem } from "./computing-process.ts" */

const maxProblems = 10;
const maxMegabytes = 512;

if (isMainThread) startThread();
else parentPort?.on("message", (/** @type {Computation} */ computation) => void answer(computation));

function startThread() {
	const thread = new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: maxMegabytes } });
	const end = () => process.kill(process.pid, "SIGKILL");
	thread.on("message", (message) => process.send?.(message));
	thread.on("error", ({ message }) => process.send?.({ kind: "error", message }, end));
	process.on("message", (message) => thread.postMessage(message));
	process.on("disconnect", end);
	// The parent handles Ctrl-C.
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
}

/** @param {Computation} computation */
async function answer(computation) {
	try {
		const compute = computation.kind === "match" ? match : await schemaCheck();
		parentPort?.postMessage("begun");
		parentPort?.postMessage(compute(/** @type {any} */ (computation)));
	} catch (error) {
		parentPort?.postMessage({ kind: "error", message: error instanceof Error ? error.message : String(error) });
	}
}

/**
 * @param {Extract<Computation, { kind: "match" }>} computation
 * @returns {Outcome<"match">}
 */
function match({ pattern, flags, text }) {
	const found = new RegExp(pattern, flags).exec(text);
	return { kind: "match", ...(found ? { found: found[0].slice(0, 1000) } : {}) };
}

async function schemaCheck() {
	const [{ Ajv }, { Ajv2019 }, { Ajv2020 }] = await Promise.all([
		import("ajv"),
		import("ajv/dist/2019.js"),
		import("ajv/dist/2020.js"),
	]);
	/**
	 * @param {Extract<Computation, { kind: "schema" }>} computation
	 * @returns {Outcome<"schema">}
	 */
	return ({ schema, text }) => {
		const written = JSON.stringify(schema);
		for (const [sign, what] of unsupported) if (sign.test(written)) throw new Error(`${what} is not supported`);
		const draft = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : "";
		const Validator = draft.includes("2020-12") ? Ajv2020 : draft.includes("2019-09") ? Ajv2019 : Ajv;
		const ajv = new Validator({ strict: false, allErrors: true, validateFormats: false, logger: false });
		// The validator's own check compares each item with every other one.
		const validate = ajv.removeKeyword("uniqueItems").addKeyword(uniqueItems).compile(schema);
		if (text === undefined || validate(JSON.parse(text))) return { kind: "schema", problems: [] };
		/** @type {Problem[]} */
		const problems = (validate.errors ?? [])
			.slice(0, maxProblems)
			.map(({ instancePath, message }) => ({ instancePath, ...(message === undefined ? {} : { message }) }));
		return { kind: "schema", problems };
	};
}

/** An asynchronous schema returns a promise, which is truthy. */
const unsupported = /** @type {const} */ ([
	[/"\$async":/, "$async"],
	[/"__proto__":/, "a property named __proto__"],
]);

const uniqueItems = {
	keyword: "uniqueItems",
	type: /** @type {const} */ ("array"),
	schemaType: /** @type {const} */ ("boolean"),
	error: { message: "must NOT have duplicate items" },
	validate: (/** @type {boolean} */ isOn, /** @type {readonly unknown[]} */ items) =>
		!isOn || new Set(items.map((item) => JSON.stringify(item, sorted))).size === items.length,
};

/** @param {string} _ @param {unknown} value */
function sorted(_, value) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
