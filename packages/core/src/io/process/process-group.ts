import { spawnSync } from "node:child_process";
import { errnoCode } from "../files/file-error.ts";
import { processFacts, processIds } from "./linux-processes.ts";

/** Running groups; ended when this process exits. */
const running = new Set<number>();
let endsWithUs = false;

function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
	try {
		process.kill(-leader, signal);
		return true;
	} catch (error) {
		// EPERM: a member changed its user; it exists, but we can't end it.
		if (errnoCode(error) === "ESRCH" || errnoCode(error) === "EPERM") return false;
		throw error;
	}
}

/** Registers a group to be killed if this process exits before `forgetGroup`. */
export function trackGroup(leader: number): void {
	running.add(leader);
	if (endsWithUs) return;
	endsWithUs = true;
	process.on("exit", () => {
		for (const group of running) killGroup(group);
	});
}

export function forgetGroup(leader: number): void {
	running.delete(leader);
}

/** Returns whether /proc has a process of the group that is not a zombie. */
function hasLiveMember(leader: number): boolean {
	return processIds().some((pid) => processFacts(pid)?.group === leader);
}

/** Zombies that init is slow to reap count as gone, if the system can tell. */
export function isGroupAlive(leader: number): boolean {
	if (process.platform === "win32" || !signalGroup(leader, 0)) return false;
	return process.platform === "linux" ? hasLiveMember(leader) : true;
}

/** Sends SIGTERM to every process of the group. */
export function terminateGroup(leader: number): void {
	if (process.platform === "win32") killGroup(leader);
	else signalGroup(leader, "SIGTERM");
}

/** Sends SIGKILL to every process of the group. */
export function killGroup(leader: number): void {
	if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(leader), "/T", "/F"], { stdio: "ignore" });
	else signalGroup(leader, "SIGKILL");
}

/** Waits until the group is empty, at most `waitMs`; returns whether it is. */
export async function groupEnded(leader: number, waitMs: number): Promise<boolean> {
	const until = performance.now() + waitMs;
	for (let pause = 2; isGroupAlive(leader); pause = Math.min(pause * 2, 50)) {
		if (performance.now() >= until) return false;
		await new Promise((resolve) => setTimeout(resolve, pause));
	}
	return true;
}

/** Sends SIGTERM to the group, and SIGKILL to what is left after `graceMs`. */
export async function endGroup(leader: number, graceMs: number): Promise<void> {
	terminateGroup(leader);
	if (await groupEnded(leader, graceMs)) return;
	killGroup(leader);
	// What is left is an unreaped zombie, or stuck in the kernel: not worth waiting for.
	await groupEnded(leader, 500);
}
