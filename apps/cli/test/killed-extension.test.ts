import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { expect, it } from "vitest";

const note = (cwd: string, name: string) => {
	const file = join(cwd, name);
	return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
};

it.runIf(process.platform !== "win32").each([
	[
		"JavaScript",
		"ext.mjs",
		`import { writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
export const beforeEach = () => {
	writeFileSync(import.meta.dirname + "/child", String(spawn("sleep", ["600"]).pid));
	writeFileSync(import.meta.dirname + "/host", String(process.pid));
	for (;;);
};
`,
	],
	[
		"Python",
		"ext.py",
		`import os, subprocess
def beforeEach(context):
    here = os.path.dirname(__file__)
    child = subprocess.Popen(["sleep", "600"])
    for name, pid in (("child", child.pid), ("host", os.getpid())):
        with open(os.path.join(here, name), "w") as file:
            file.write(str(pid))
    while True:
        pass
`,
	],
])("a %s extension in a loop ends when its run is killed", async (_, file, source) => {
	const cwd = tempTree({
		"x.eval.yaml": `extensions: ["file://${file}:beforeEach"]\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n`,
		"targets.yaml": "targets: [{name: default, provider: mock, response: hi}]\n",
		[file]: source,
	});
	let run = 0;
	const ended = agentv(["eval", "run", "x.eval.yaml", "--output", "out"], {
		cwd,
		onStart: (pid) => {
			run = pid;
		},
	});
	await waitUntil(() => note(cwd, "host") > 0, 30_000);
	process.kill(run, "SIGKILL");
	await ended;
	for (const name of ["host", "child"]) await waitUntil(() => !isAlive(note(cwd, name)));
	expect(isAlive(note(cwd, "host"))).toBe(false);
});
