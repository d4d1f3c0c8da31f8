import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Probe, replay } from "./probe.ts";
import { smallEval } from "./small-evals.ts";

const commands: Readonly<Record<string, readonly string[]>> = {
	"benchmark list": ["benchmark", "list"],
	"benchmark status": ["benchmark", "status"],
	"benchmark add": ["benchmark", "add", "CWD", "--id", "here"],
	"eval validate": ["eval", "validate", "my.eval.yaml"],
	"eval run": ["eval", "run", "my.eval.yaml", "--output", "r"],
	bundle: ["bundle", "my.eval.yaml", "--output", "OUT/b"],
	doctor: ["doctor"],
	"results list": ["results", "list"],
	"cache prune": ["cache", "prune"],
};

/** Unusable values of AGENTV_HOME. */
const homes: Readonly<Record<string, string>> = {
	"a file": "CWD/a-file",
	"below a file": "CWD/a-file/below",
	"a device": "/dev/null",
	"in /proc": "/proc/agentv",
	"a pipe": "CWD/a-pipe",
	"too long": `CWD/${"x".repeat(300)}`,
	"a cycle of links": "CWD/a-cycle",
	"below a cycle of links": "CWD/a-cycle/below",
};

const homeProbes: readonly Probe[] = Object.entries(homes).flatMap(([name, home]) =>
	Object.entries(commands).map(([command, args]) => ({
		name: `resources: AGENTV_HOME is ${name}: ${command}`,
		files: smallEval(),
		prepare: (cwd: string) => {
			writeFileSync(join(cwd, "a-file"), "");
			symlinkSync("a-cycle", join(cwd, "a-cycle"));
			execFileSync("mkfifo", [join(cwd, "a-pipe")]);
		},
		commands: [args],
		env: { AGENTV_HOME: home },
		// The doctor reports the problem together with its other checks.
		exitCodes: [command === "doctor" ? 1 : 2],
		says: /AGENTV_HOME/,
	})),
);

const oddHomeProbes: readonly Probe[] = Object.entries(commands).map(([command, args]) => ({
	name: `resources: AGENTV_HOME is a name with NUL's escape: ${command}`,
	files: smallEval(),
	commands: [args],
	env: { AGENTV_HOME: "CWD/\\0/x\n/y" },
	exitCodes: command === "doctor" ? [0, 1] : [0],
}));

const stdoutProbes: readonly Probe[] = Object.entries(commands).map(([command, args]) => ({
	name: `resources: stdout is full: ${command}`,
	files: smallEval(),
	commands: [args],
	stdout: "/dev/full",
	exitCodes: [4],
	says: /ENOSPC|no space/i,
}));

const fewFilesProbes: readonly Probe[] = Object.entries(commands).map(([command, args]) => ({
	name: `resources: 64 open files: ${command}`,
	files: smallEval(),
	commands: [args],
	before: "ulimit -n 64",
	exitCodes: [0, 4],
}));

const smallFileProbes: readonly Probe[] = Object.entries(commands).map(([command, args]) => ({
	name: `resources: files of 1 kB at most: ${command}`,
	files: smallEval({ head: `description: ${"x".repeat(4000)}\n` }),
	commands: [args],
	before: "trap '' XFSZ; ulimit -f 1",
	exitCodes: [0, 4],
}));

replay("of the machine", [...homeProbes, ...oddHomeProbes, ...stdoutProbes, ...fewFilesProbes, ...smallFileProbes]);
