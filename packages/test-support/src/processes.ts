import { readFileSync } from "node:fs";

/** Returns false for zombies. */
export function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
	try {
		return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch (error) {
		// No /proc on this system, or the process has exited since.
		return (error as NodeJS.ErrnoException).code === "ENOENT" && process.platform !== "linux";
	}
}

/** Waits until `condition` is true; after `timeoutMs`, rejects with its last error. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
	const until = Date.now() + timeoutMs;
	let last: unknown;
	for (;;) {
		try {
			if (await condition()) return;
			last = undefined;
		} catch (error) {
			last = error;
		}
		if (Date.now() > until) throw new Error(`not within ${timeoutMs} ms`, { cause: last });
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
