import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { type Probe, replay } from "./probe.ts";
import { smallEval, target, testEntry } from "./small-evals.ts";

const large = "three gigabytes of nothing";
/** Kinds that count as a missing file if the file is optional. */
const notThere = ["a directory", "a link to nothing", "a cycle of links"];

/** Creates something other than a regular file at the path, by kind. */
const kinds: Readonly<Record<string, (path: string) => void | Promise<void>>> = {
	"a pipe": (path) => void execFileSync("mkfifo", [path]),
	"a directory": (path) => mkdirSync(path),
	"a socket": async (path) => {
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(path, resolve));
		// An unclosed socket keeps its file.
		server.unref();
	},
	"an endless device": (path) => symlinkSync("/dev/zero", path),
	"a terminal": (path) => symlinkSync("/dev/tty", path),
	"a file of the kernel": (path) => symlinkSync("/proc/self/environ", path),
	"a cycle of links": (path) => symlinkSync(path, path),
	"a link to nothing": (path) => symlinkSync("/nowhere/at/all", path),
	[large]: (path) => {
		writeFileSync(path, "");
		truncateSync(path, 3 * 1024 ** 3);
	},
};

/** Paths that evals, bundles, runs or the registry refer to, and the commands that read them. */
const places: readonly {
	readonly place: string;
	readonly path: string;
	readonly files: Record<string, string>;
	readonly commands: readonly (readonly string[])[];
	/** What the error must name; default the file. */
	readonly named?: RegExp;
	/** Kinds that are valid here or count as a missing file. */
	readonly allowed?: readonly string[];
}[] = [
	{ place: "the eval", path: "my.eval.yaml", files: smallEval(), commands: both() },
	{
		place: "the targets",
		path: "targets.yaml",
		files: smallEval(),
		commands: both(),
		allowed: notThere,
	},
	{
		place: "a file of tests",
		path: "cases.jsonl",
		files: smallEval({ tests: "tests: ./cases.jsonl\n" }),
		commands: both(),
	},
	{
		place: "an input file",
		path: "notes.md",
		files: smallEval({ tests: `tests:\n${testEntry(["input_files: [./notes.md]"])}` }),
		commands: both(),
	},
	{
		place: "a prompt in a file",
		path: "judge.md",
		files: smallEval({
			tests: `tests:\n${testEntry([], ["{ type: llm-grader, prompt: file://judge.md }"])}`,
			targets: `${target}    grader_target: default\n`,
		}),
		commands: both(),
	},
	{
		place: "included graders",
		path: "graders.yaml",
		files: smallEval({ tests: `tests:\n${testEntry([], ["{ include: ./graders.yaml }"])}` }),
		commands: both(),
	},
	{
		place: "the eval's variables",
		path: ".env",
		files: smallEval({ head: "description: ${{ WORD:-x }}\n" }),
		commands: both(),
		allowed: [...notThere],
	},
	{
		place: "recorded answers",
		path: "answers.jsonl",
		files: smallEval({ targets: "targets:\n  - { name: default, provider: replay, fixtures: ./answers.jsonl }\n" }),
		commands: both(),
		allowed: [large],
	},
	{
		place: "an extension",
		path: "setup.mjs",
		files: smallEval({ head: 'extensions: ["file://setup.mjs:beforeAll"]\n' }),
		commands: both(),
	},
	{
		place: "the template",
		path: "template",
		files: smallEval({ head: "workspace: { template: ./template }\n" }),
		commands: both(),
		allowed: ["a directory", large],
	},
	{
		place: "a file in the template",
		path: "template/inner",
		files: smallEval({ head: "workspace: { template: ./template }\n", files: { "template/outer.txt": "x" } }),
		commands: [["eval", "run", "my.eval.yaml", "--output", "r"]],
		allowed: ["a directory", "a link to nothing", "a cycle of links", "a socket", large],
	},
	{
		place: "the registry",
		path: ".home/benchmarks.yaml",
		files: {},
		commands: [["benchmark", "list"]],
		allowed: ["a link to nothing", "a cycle of links"],
	},
	{
		place: "the project's settings",
		path: ".agentv/config.yaml",
		files: smallEval(),
		commands: [["eval", "validate", "my.eval.yaml"]],
		allowed: [...notThere],
	},
	{ place: "a manifest", path: "b/manifest.json", files: smallEval(), commands: [["bundle", "verify", "b"]] },
	{
		place: "the record of a run",
		path: "r/run.json",
		files: { "r/index.jsonl": "" },
		commands: readsOf("r"),
		named: /\br\b/,
	},
	{
		place: "the rows of a run",
		path: "r/index.jsonl",
		files: { "r/run.json": "{}" },
		commands: readsOf("r"),
		named: /\br\b/,
	},
];

function both(): readonly (readonly string[])[] {
	return [
		["eval", "validate", "my.eval.yaml"],
		["eval", "run", "my.eval.yaml", "--output", "r"],
	];
}

function readsOf(run: string): readonly (readonly string[])[] {
	return [["show"], ["verify"], ["export", "--format", "json"]].map(([verb = "", ...options]) => [
		"results",
		verb,
		run,
		...options,
	]);
}

const probes: readonly Probe[] = places.flatMap(({ place, path, files, commands, named, allowed = [] }) =>
	Object.entries(kinds)
		.filter(([kind]) => !allowed.includes(kind))
		.flatMap(([kind, make]) =>
			commands.map((command) => ({
				name: `files: ${place} is ${kind}: ${command.slice(0, 2).join(" ")}`,
				files,
				prepare: async (cwd: string) => {
					const full = join(cwd, path);
					mkdirSync(dirname(full), { recursive: true });
					rmSync(full, { force: true });
					await make(full);
				},
				commands: [command],
				exitCodes: [1, 2, 4],
				says: named ?? new RegExp(basename(path).replaceAll(".", "\\.")),
			})),
		),
);

replay("in place of a file", probes);
