import { execFileSync } from "node:child_process";
import { errnoCode } from "../files/file-error.ts";
import { commandLine, processFacts, processIds } from "./linux-processes.ts";

interface Stray {
	readonly pid: number;
	readonly leadsGroup: boolean;
}

/**
 * Ends processes that a killed AgentV left running: those whose command line contains `marker`, a
 * text that only AgentV sets. Resolves when they are gone, or after 5 seconds.
 */
export async function endStrays(marker: string): Promise<number> {
	let ended = 0;
	const until = performance.now() + 5000;
	for (;;) {
		const strays = findStrays(marker);
		if (strays.length === 0 || performance.now() > until) return ended;
		if (ended === 0) ended = strays.length;
		for (const stray of strays) kill(stray);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

function findStrays(marker: string): Stray[] {
	const all = process.platform === "linux" ? linuxProcesses() : listedProcesses();
	return [...all].filter(({ pid, args }) => pid !== process.pid && args.includes(marker));
}

function* linuxProcesses(): Generator<Stray & { readonly args: string }> {
	for (const pid of processIds()) {
		const args = commandLine(pid);
		if (args) yield { pid, leadsGroup: processFacts(pid)?.group === pid, args };
	}
}

function* listedProcesses(): Generator<Stray & { readonly args: string }> {
	const list = execFileSync("ps", ["-Ao", "pid=,pgid=,args="], { encoding: "utf8", maxBuffer: 2 ** 26 });
	for (const line of list.split("\n")) {
		const match = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line);
		if (match?.[3] !== undefined) yield { pid: Number(match[1]), leadsGroup: match[1] === match[2], args: match[3] };
	}
}

function kill({ pid, leadsGroup }: Stray): void {
	try {
		// A leader of one of our groups takes its helpers with it; any other group can contain the
		// user's processes.
		process.kill(leadsGroup ? -pid : pid, "SIGKILL");
	} catch (error) {
		if (errnoCode(error) !== "ESRCH" && errnoCode(error) !== "EPERM") throw error;
	}
}
