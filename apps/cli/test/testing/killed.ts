import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { agentv, agentvBin, gitTestEnvironment, law, type Session } from "@agentv/test-support";
import { expect } from "vitest";

/** Moments at which a command is killed: a seeded share of `most`. */
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

/** Every process below `pid`. */
function descendants(pid: number): number[] {
	const list = spawnSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).stdout.trim().split("\n");
	const pairs = list.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
	const below = (parent: number): number[] => pairs.flatMap(([one, of]) => (of === parent ? [one, ...below(one)] : []));
	return below(pid);
}

/** Kills a process, with all that it started if `withOthers`, and waits until it is gone. */
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

/** The command line in a directory with a home and a temporary directory of its own. */
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

	/** Expects a command to end with `exitCode`, and returns what it prints. */
	async succeeds(args: readonly string[], exitCode = 0): Promise<string> {
		const ran = await this.run(...args);
		expect(ran.exitCode, `${args.join(" ")}\n${ran.stdout}${ran.stderr}`).toBe(exitCode);
		return ran.stdout;
	}

	/** What commands stage under, below the directory: locks, staged files and directories, workspaces. */
	remains(): string[] {
		return readdirSync(this.cwd, { recursive: true, encoding: "utf8" }).filter(
			(path) =>
				/(^|\/)[^/]*agentv-[^/]*(\.tmp|\.former)$|\.lock(\.[0-9a-f]{16})?$/.test(path) ||
				/^tmp\/|^\.home\/workspaces\//.test(path),
		);
	}

	/** Kills `args` at a random moment of the time that it takes; the round says whether its children are killed with it. */
	async killed(args: readonly string[], share: number, wholeMs: number, round: number): Promise<void> {
		const child = this.start(args);
		await pause(share * wholeMs);
		await kill(child, round % 2 === 1);
	}

	/** How long a command takes as a process. */
	async timed(args: readonly string[]): Promise<number> {
		const started = performance.now();
		await once(this.start(args), "close");
		return performance.now() - started;
	}

	has(path: string): boolean {
		return existsSync(join(this.cwd, path));
	}
}
