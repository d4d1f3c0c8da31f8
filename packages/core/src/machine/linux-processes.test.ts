import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { pidMark, processIdsSince } from "./process-scope.ts";

test.runIf(process.platform === "linux")("excludes threads, including those of this process", async () => {
	const mark = pidMark();
	const worker = new Worker("setInterval(() => undefined, 1000)", { eval: true });
	onTestFinished(() => void worker.terminate());
	await once(worker, "online");
	const threads = new Set(readdirSync("/proc/self/task").map(Number));
	expect(Math.max(...threads)).toBeGreaterThan(mark?.lastPid ?? 0);
	expect([...processIdsSince(mark)].filter((id) => threads.has(id))).toEqual([]);
});
