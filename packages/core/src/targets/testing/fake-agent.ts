import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { nodeExecutable } from "../../machine/environment.ts";

export interface FakeAgentScript {
	/** Printed to stdout, one per line; objects as JSON. */
	readonly lines: readonly (string | object)[];
	readonly exitCode?: number;
	readonly stderr?: string;
	/** After the lines: starts a child process and waits forever. */
	readonly hangs?: boolean;
	/** Written to its working directory before it ends. */
	readonly writes?: Readonly<Record<string, string>>;
}

export interface FakeAgentCall {
	readonly argv: readonly string[];
	readonly stdin: string;
	readonly env: Readonly<Record<string, string>>;
	readonly cwd: string;
	readonly pid: number;
	/** The child process of a hanging agent. */
	readonly childPid?: number;
}

/** Creates an executable that prints a recorded stream like an agent, and logs its input. */
export function fakeAgent(name: string, script: FakeAgentScript): { path: string; calls: () => FakeAgentCall[] } {
	const directory = tempTree();
	const path = join(directory, name);
	const log = join(directory, "calls.jsonl");
	writeFileSync(path, `#!${nodeExecutable}\n${program(log, script)}`);
	chmodSync(path, 0o755);
	const calls = () =>
		existsSync(log)
			? readFileSync(log, "utf8")
					.trim()
					.split("\n")
					.map((line) => JSON.parse(line) as FakeAgentCall)
			: [];
	return { path, calls };
}

function program(log: string, script: FakeAgentScript): string {
	return `
const { appendFileSync, readFileSync, writeFileSync } = require("node:fs");
const { spawn } = require("node:child_process");
const script = ${JSON.stringify(script)};
const argv = process.argv.slice(2);
if (argv.includes("--version")) {
	console.log("1.2.3 (Fake Agent)");
	process.exit(0);
}
const stdin = readFileSync(0, "utf8");
const child = script.hangs ? spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]) : undefined;
appendFileSync(${JSON.stringify(log)}, JSON.stringify({
	argv, stdin, env: process.env, cwd: process.cwd(), pid: process.pid, childPid: child?.pid,
}) + "\\n");
for (const line of script.lines) console.log(typeof line === "string" ? line : JSON.stringify(line));
if (script.stderr) console.error(script.stderr);
for (const [path, text] of Object.entries(script.writes ?? {})) writeFileSync(path, text);
if (script.hangs) setInterval(() => {}, 1000);
else process.exitCode = script.exitCode ?? 0;
`;
}
