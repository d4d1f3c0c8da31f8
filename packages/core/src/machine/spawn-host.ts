import { errnoCode } from "./files.ts";
import { type FromHelper, runProcess, type SpawnRequest, type ToHelper } from "./run-process.ts";

// A process that starts programs for its parent. Forking copies the page tables of the forking
// process, which takes several times as long from a parent with a large eval in memory.

const running = new Map<number, AbortController>();
const own = { ...process.env };

process.on("message", (message: ToHelper) => {
	if ("abort" in message) running.get(message.abort)?.abort();
	else void run(message.run);
});
// The parent is gone: end what runs (groups that are still tracked are killed on exit).
process.on("disconnect", () => process.exit(0));

async function run({ id, set, unset, command, ...options }: SpawnRequest): Promise<void> {
	const abort = new AbortController();
	running.set(id, abort);
	const env: Record<string, string | undefined> = { ...own, ...set };
	for (const name of unset) delete env[name];
	try {
		answer({ id, result: await runProcess({ ...options, ...command, env, signal: abort.signal }) });
	} catch (error) {
		answer({ id, error: error instanceof Error ? error.message : String(error), code: errnoCode(error) });
	} finally {
		running.delete(id);
	}
}

function answer(message: FromHelper): void {
	if (process.connected) process.send?.(message);
}
