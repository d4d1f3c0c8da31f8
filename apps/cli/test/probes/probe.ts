import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { agentvBin, law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** A hostile input and the expected result, in addition to the laws for every input. */
export interface Probe {
	/** Unique; the area, followed by the input and its place. */
	readonly name: string;
	/** Relative path → content, in the working directory. */
	readonly files: Readonly<Record<string, string>>;
	/** Creates special files, or a state that needs additional commands. */
	readonly prepare?: (cwd: string) => void | Promise<void>;
	/**
	 * Arguments of each `agentv`, run in sequence. `CWD` stands for the working directory, `OUT` for
	 * another.
	 */
	readonly commands: readonly (readonly string[])[];
	readonly env?: Readonly<Record<string, string>>;
	/** A shell command that runs first, such as `ulimit -n 64`. */
	readonly before?: string;
	/** Path that stdout is redirected to; default a pipe. */
	readonly stdout?: string;
	/** Allowed exit codes of the last command; default 0, 1, 2 and 4. */
	readonly exitCodes?: readonly number[];
	/** Must match the combined output. */
	readonly says?: RegExp;
	/** Must not match the combined output. */
	readonly never?: RegExp;
	/** Additional checks after the commands. @throws */
	readonly check?: (cwd: string, output: string) => void;
}

interface Observed {
	readonly exitCode: number | null;
	readonly output: string;
	readonly hung: boolean;
	readonly peakBytes: number;
}

/** Far above the time of any command on a busy machine. */
const longestMs = 30_000;
const mostBytes = 500 * 1024 * 1024;
const stack = /^\s+at .+(:\d+:\d+|node:internal.*)\)?$/m;

/** Replays all probes of an area in full rounds, otherwise a tenth chosen by the seed. */
export function replay(area: string, probes: readonly Probe[]): void {
	const { numRuns, seed } = law(probes.length);
	const size = { minLength: numRuns, maxLength: numRuns };
	const [chosen = []] = fc.sample(fc.shuffledSubarray([...probes], size), {
		numRuns: 1,
		...(seed === undefined ? {} : { seed }),
	});
	describe(`hostile input ${area} causes at most an error:`, () => {
		test("probe names are unique", () => {
			expect(new Set(probes.map(({ name }) => name)).size).toBe(probes.length);
		});
		test.each(chosen.map((probe) => [probe.name, probe] as const))("%s", async (_, probe) => {
			expect((await violations(probe)).join("\n")).toBe("");
		});
	});
}

/** Runs the probe and returns the violations, followed by the output if there are any. */
async function violations(probe: Probe): Promise<string[]> {
	const [cwd, out] = [tempTree(probe.files), tempTree()];
	await probe.prepare?.(cwd);
	const wrong: string[] = [];
	let last: Observed | undefined;
	for (const command of probe.commands) {
		last = await observe(probe, command, { cwd, out });
		wrong.push(...lawsBrokenBy(last));
	}
	if (!last) return ["runs no command"];
	const { exitCode, output } = last;
	if (!(probe.exitCodes ?? [0, 1, 2, 4]).includes(exitCode ?? -1)) wrong.push(`exit code ${exitCode}`);
	if (probe.says && !probe.says.test(output)) wrong.push(`does not say ${probe.says}`);
	if (probe.never?.test(output)) wrong.push(`says ${probe.never}`);
	try {
		probe.check?.(cwd, output);
	} catch (error) {
		wrong.push(error instanceof Error ? error.message : String(error));
	}
	return wrong.length === 0 ? [] : [...wrong, output.slice(0, 2000)];
}

function lawsBrokenBy({ hung, peakBytes, output }: Observed): string[] {
	return [
		...(hung ? [`does not end within ${longestMs / 1000} s`] : []),
		...(peakBytes > mostBytes ? [`takes ${Math.round(peakBytes / 1024 / 1024)} MB`] : []),
		...(stack.test(output) ? ["prints a stack"] : []),
	];
}

async function observe(
	probe: Probe,
	args: readonly string[],
	{ cwd, out }: { readonly cwd: string; readonly out: string },
): Promise<Observed> {
	const words = args.map((word) => word.replaceAll("CWD", cwd).replaceAll("OUT", out));
	const to = probe.stdout === undefined ? "" : ` >${probe.stdout}`;
	const script = `${probe.before === undefined ? "" : `${probe.before} && `}exec "$@"${to}`;
	const own = Object.entries(probe.env ?? {}).map(([name, value]) => [name, value.replaceAll("CWD", cwd)]);
	const child = spawn("sh", ["-c", script, "sh", process.execPath, agentvBin(), ...words], {
		cwd,
		env: {
			...{ PATH: process.env["PATH"], HOME: cwd, AGENTV_HOME: `${cwd}/.home`, TERM: "xterm" },
			...Object.fromEntries(own),
		},
		stdio: ["ignore", "pipe", "pipe"],
	});
	return watch(child);
}

function watch(child: ChildProcess): Promise<Observed> {
	const chunks: Buffer[] = [];
	let [peakBytes, hung] = [0, false];
	for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
	const sampling = setInterval(() => {
		peakBytes = Math.max(peakBytes, peakOf(child.pid));
	}, 50);
	const limit = setTimeout(() => {
		hung = true;
		child.kill("SIGKILL");
	}, longestMs);
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (exitCode) => {
			clearInterval(sampling);
			clearTimeout(limit);
			resolve({ exitCode, output: Buffer.concat(chunks).toString("utf8"), hung, peakBytes });
		});
	});
}

/** Returns the peak memory of a process in bytes; 0 if the system does not report it. */
function peakOf(pid: number | undefined): number {
	try {
		const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
		return Number(kilobytes ?? 0) * 1024;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === undefined) throw error;
		return 0;
	}
}
