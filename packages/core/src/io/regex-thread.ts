import { Worker } from "node:worker_threads";

export type RegexOutcome =
	| { readonly kind: "match"; readonly text: string }
	| { readonly kind: "no-match" }
	| { readonly kind: "timeout" }
	| { readonly kind: "error"; readonly message: string };

interface Question {
	readonly pattern: string;
	readonly flags: string;
	readonly text: string;
	readonly timeoutMs: number;
	readonly settle: (outcome: RegexOutcome) => void;
}

// Given as text, so that it needs no file beside the bundle and no loader for TypeScript.
const program = `
const { parentPort } = require("node:worker_threads");
parentPort.on("message", ({ pattern, flags, text }) => {
	try {
		const found = new RegExp(pattern, flags).exec(text);
		parentPort.postMessage(found ? { kind: "match", text: found[0].slice(0, 1000) } : { kind: "no-match" });
	} catch (error) {
		parentPort.postMessage({ kind: "error", message: String(error && error.message) });
	}
});`;

/**
 * A thread that tries regular expressions, one at a time, each within a time limit: one that backtracks for ever costs its limit
 * and a new thread, and holds up neither the program nor Ctrl-C. It starts when first asked and does not keep the process alive.
 */
export class RegexThread {
	readonly #waiting: Question[] = [];
	#worker: Worker | undefined;
	#current: Question | undefined;
	#timer: NodeJS.Timeout | undefined;

	/** The first match of `pattern` in `text`. */
	find(pattern: string, flags: string, text: string, timeoutMs: number): Promise<RegexOutcome> {
		return new Promise((settle) => {
			this.#waiting.push({ pattern, flags, text, timeoutMs, settle });
			this.#next();
		});
	}

	/** Ends the thread; what still waits is answered as a timeout. */
	close(): void {
		for (const question of this.#waiting.splice(0)) question.settle({ kind: "timeout" });
		this.#drop();
		this.#settle({ kind: "timeout" });
	}

	#next(): void {
		if (this.#current) return;
		const question = this.#waiting.shift();
		if (!question) return;
		this.#current = question;
		const worker = this.#started();
		worker.ref();
		worker.postMessage({ pattern: question.pattern, flags: question.flags, text: question.text });
		this.#timer = setTimeout(() => {
			this.#drop();
			this.#settle({ kind: "timeout" });
		}, question.timeoutMs);
	}

	#started(): Worker {
		if (this.#worker) return this.#worker;
		const worker = new Worker(program, { eval: true, env: {}, stdin: false });
		worker.on("message", (outcome: RegexOutcome) => this.#settle(outcome));
		worker.on("error", (error) => {
			if (this.#worker === worker) this.#worker = undefined;
			this.#settle({ kind: "error", message: error.message });
		});
		this.#worker = worker;
		return worker;
	}

	#settle(outcome: RegexOutcome): void {
		const question = this.#current;
		if (!question) return;
		clearTimeout(this.#timer);
		this.#current = undefined;
		this.#worker?.unref();
		question.settle(outcome);
		this.#next();
	}

	#drop(): void {
		const worker = this.#worker;
		this.#worker = undefined;
		worker?.removeAllListeners();
		void worker?.terminate();
	}
}
