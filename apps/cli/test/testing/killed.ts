import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { agentv, agentvBin, gitTestEnvironment, law, type Session } from "@agentv/test-support";
import { expect } from "vitest";

/** Returns how often a command is killed, at most `most` times, and a seeded random generator. */
export function moments(most: number): { readonly count: number; readonly random: () => number } {
	const { numRuns, seed = 1 } = law(most);
	let state = seed;
	const random = () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
	return { count: numRuns, random };
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Returns all descendants of the process. */
function descendants(pid: number): number[] {
	const list = spawnSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).stdout.trim().split("\n");
	const pairs = list.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
	const below = (parent: number): number[] => pairs.flatMap(([one, of]) => (of === parent ? [one, ...below(one)] : []));
	return below(pid);
}

/** Kills a process, with its descendants if `withOthers`, and waits for its end. */
export async function kill(child: ChildProcess, withOthers: boolean): Promise<void> {
	const others = withOthers && child.pid !== undefined ? descendants(child.pid) : [];
	child.kill("SIGKILL");
	for (const pid of others) {
		try {
			process.kill(pid, "SIGKILL");
		} catch (error) {
			expect(error).toMatchObject({ code: "ESRCH" });
		}
	}
	if (child.exitCode === null && child.signalCode === null)
		await new Promise((resolve) => child.once("close", resolve));
}

/** The command line in a directory with a separate home and temporary directory. */
export class KilledCommand {
	readonly cwd: string;
	readonly env: Readonly<Record<string, string>>;

	constructor(cwd: string) {
		this.cwd = cwd;
		mkdirSync(join(cwd, "tmp"), { recursive: true });
		this.env = { ...gitTestEnvironment, HOME: cwd, AGENTV_HOME: join(cwd, ".home"), TMPDIR: join(cwd, "tmp") };
	}

	start(args: readonly string[], options: SpawnOptions = { stdio: "ignore" }): ChildProcess {
		return spawn(process.execPath, [agentvBin(), ...args], { cwd: this.cwd, env: this.env, ...options });
	}

	run(...args: string[]): Promise<Session> {
		return agentv(args, { cwd: this.cwd, env: this.env });
	}

	/** Expects a command to exit with `exitCode`, and returns its stdout. */
	async succeeds(args: readonly string[], exitCode = 0): Promise<string> {
		const ran = await this.run(...args);
		expect(ran.exitCode, `${args.join(" ")}\n${ran.stdout}${ran.stderr}`).toBe(exitCode);
		return ran.stdout;
	}

	/** Returns leftover locks, staged files and workspaces in the directory. */
	remains(): string[] {
		return readdirSync(this.cwd, { recursive: true, encoding: "utf8" }).filter(
			(path) =>
				/(^|\/)[^/]*agentv-[^/]*(\.tmp|\.former)$|\.lock(\.[0-9a-f]{16})?$/.test(path) ||
				/^tmp\/|^\.home\/workspaces\//.test(path),
		);
	}

	/** Kills a command after a share of its duration, in odd rounds with its descendants. */
	async killed(args: readonly string[], share: number, wholeMs: number, round: number): Promise<void> {
		const child = this.start(args);
		await pause(share * wholeMs);
		await kill(child, round % 2 === 1);
	}

	/** Returns the duration of a command in a separate process, in milliseconds. */
	async timed(args: readonly string[]): Promise<number> {
		const started = performance.now();
		await once(this.start(args), "close");
		return performance.now() - started;
	}

	has(path: string): boolean {
		return existsSync(join(this.cwd, path));
	}
}
