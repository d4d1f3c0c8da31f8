import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv } from "@agentv/test-support";
import { type Probe, replay } from "./probe.ts";
import { smallEval, testEntry } from "./small-evals.ts";

const esc = String.fromCharCode(0x1b);
const run = ["eval", "run", "my.eval.yaml", "--output", "r"];

/** Damages a text that AgentV wrote, by kind of damage. */
const changes: Readonly<Record<string, (text: string) => string>> = {
	emptied: () => "",
	"cut in half": (text) => text.slice(0, text.length / 2),
	garbage: () => "\u0000\u0001{]",
	doubled: (text) => text + text,
	"an array": () => "[]\n",
	"a null": () => "null\n",
	"a number": () => "1e999\n",
	"deep JSON": () => `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}\n`,
	"a huge line": () => `"${"x".repeat(50_000_000)}"\n`,
	"a prototype": (text) => text.replace("{", '{"__proto__": {"x": 1}, '),
	"other numbers": (text) => text.replace(/"score":\s*1/g, '"score": 1e400'),
	"other ids": (text) => text.replaceAll('"a"', '"constructor"'),
	"escapes of a terminal": (text) => text.replaceAll('"a"', '"\\u001b[2J\\u202ea"'),
	"a mark of the order of bytes": (text) => `\ufeff${text}`,
};

const places: Readonly<Record<string, (cwd: string) => string>> = {
	"run.json": () => "r/run.json",
	"index.jsonl": () => "r/index.jsonl",
	"summary.json": () => "r/summary.json",
	"an attempt": (cwd) => {
		const [directory = ""] = readdirSync(join(cwd, "r/tests"));
		return join("r/tests", directory, "1.json");
	},
};

async function makeRun(cwd: string): Promise<void> {
	const { exitCode, stderr } = await agentv(run, { cwd });
	if (exitCode !== 0) throw new Error(`the run to be changed failed: ${stderr}`);
}

const files = smallEval({ tests: `tests:\n${testEntry()}${testEntry([], undefined, "b")}` });

const reading: readonly Probe[] = Object.entries(changes).flatMap(([change, make]) =>
	Object.entries(places).flatMap(([place, pathIn]) =>
		["show", "verify", "regrade"].map((verb) => ({
			name: `records: ${place} is ${change}: results ${verb}`,
			files,
			prepare: async (cwd: string) => {
				await makeRun(cwd);
				const path = join(cwd, pathIn(cwd));
				const text = readFileSync(path, "utf8");
				const changed = make(text);
				writeFileSync(path, changed === text ? `${text} ` : changed);
			},
			commands: [["results", verb, "r", ...(verb === "regrade" ? ["--output", "again"] : [])]],
			never: new RegExp(`${esc}\\[2J|\u202e`),
			...(verb === "verify" ? { exitCodes: [1, 2] } : {}),
		})),
	),
);

const resuming: readonly Probe[] = Object.entries<((text: string) => string) | undefined>({
	...changes,
	removed: undefined,
}).flatMap(([change, make]) =>
	["index.jsonl", "an attempt", "summary.json"].map((place) => ({
		name: `records: ${place} is ${change}: resumed, then verified`,
		files,
		prepare: async (cwd: string) => {
			await makeRun(cwd);
			const path = join(cwd, places[place]?.(cwd) ?? "");
			if (make) writeFileSync(path, make(readFileSync(path, "utf8")));
			else rmSync(path);
		},
		commands: [
			[...run, "--resume"],
			["results", "verify", "r"],
		],
		exitCodes: [0],
	})),
);

replay("in a record", [...reading, ...resuming]);
