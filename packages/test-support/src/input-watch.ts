import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";

export interface InputWatch {
	/** Measures processor time; reports an input that never ends. */
	look<T>(input: string, work: () => T): T;
	/** Processor time. */
	readonly slowest: { readonly ms: number; readonly input: string };
	/** Returns the maximum growth of the process's memory, in megabytes. */
	grownMb(): number;
}

/** Wall time; generous, because other tests run in parallel. */
const hangsAfterMs = 30_000;

// A string needs no TypeScript loader; only killing the process stops a hanging thread.
const watcher = `
const { workerData, parentPort } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const beat = new Int32Array(workerData.beat);
let input = "";
parentPort.on("message", (text) => { input = text; });
let [last, since] = [-1, Date.now()];
setInterval(() => {
	const now = Atomics.load(beat, 0);
	if (now !== last || now % 2 === 0) [last, since] = [now, Date.now()];
	else if (Date.now() - since > ${hangsAfterMs}) {
		writeSync(2, "An input does not end within ${hangsAfterMs / 1000} s (AGENTV_TEST_SEED=" + workerData.seed + "):\\n" + input + "\\n");
		process.kill(process.pid, "SIGKILL");
	}
}, 500);`;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Bytes of the process's memory, beyond `expected` without garbage that V8 has not collected yet. */
function memory(expected: number): number {
	const rss = process.memoryUsage.rss();
	if (rss <= expected) return rss;
	collectGarbage();
	return process.memoryUsage.rss();
}

const expectedGrowth = 250 * 2 ** 20;

export function inputWatch(): InputWatch {
	const beat = new SharedArrayBuffer(4);
	const beats = new Int32Array(beat);
	const seed = process.env["AGENTV_TEST_SEED"] ?? "unknown";
	const worker = new Worker(watcher, { eval: true, workerData: { beat, seed } });
	worker.unref();
	onTestFinished(async () => void (await worker.terminate()));
	const startedWith = memory(0);
	const now = () => memory(startedWith + expectedGrowth);
	let peak = startedWith;
	let count = 0;
	const slowest = { ms: 0, input: "" };
	return {
		look(input, work) {
			worker.postMessage(input.slice(0, 20_000));
			Atomics.add(beats, 0, 1);
			const before = process.cpuUsage();
			try {
				return work();
			} finally {
				const { user, system } = process.cpuUsage(before);
				const ms = Math.round((user + system) / 1000);
				if (ms > slowest.ms) Object.assign(slowest, { ms, input: input.slice(0, 2000) });
				Atomics.add(beats, 0, 1);
				if (++count % 50 === 0) peak = Math.max(peak, now());
			}
		},
		slowest,
		grownMb: () => Math.round((Math.max(peak, now()) - startedWith) / 2 ** 20),
	};
}
