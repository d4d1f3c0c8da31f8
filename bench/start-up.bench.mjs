// Compares start-up of the command line with Node itself.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pairs, report } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const node = { command: [process.execPath, "-e", "0"] };
const home = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const env = { ...process.env, AGENTV_HOME: home };

writeFileSync(
	join(home, "benchmarks.yaml"),
	"benchmarks:\n  - id: local\n    path: .\n  - id: second\n    path: evals\n",
);
try {
	report("agentv --version", await pairs(node, { command: [process.execPath, agentv, "--version"] }), 1.4);
	report("agentv --help", await pairs(node, { command: [process.execPath, agentv, "--help"] }));
	const complete = (line) => [process.execPath, agentv, "__complete", "bash", "--", " \t\n\"'><=;|&(:", line];
	report("completing a command", await pairs(node, { command: complete("agentv benchm"), env }), 2);
	report("completing a benchmark", await pairs(node, { command: complete("agentv benchmark sync lo"), env }), 2.5);
	report(
		"agentv benchmark list",
		await pairs(node, { command: [process.execPath, agentv, "benchmark", "list"], env }),
		2.3,
	);
} finally {
	rmSync(home, { recursive: true, force: true });
}
