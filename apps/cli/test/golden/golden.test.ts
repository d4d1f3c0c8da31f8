import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { startStudio } from "@agentv/studio/server";
import { bareRepository, gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { beforeEach, expect, it } from "vitest";
import { goldenPlace, type Place, Recorder } from "./recorder.ts";

// Compares all output with the files in `recorded/`, which must not change in a refactoring.
// normalise.mjs removes what differs between machines and runs. `AGENTV_UPDATE_GOLDEN=1` updates
// the files.

const examples = resolve(import.meta.dirname, "../../../../examples");
const schemas = resolve(import.meta.dirname, "../../../../docs/schemas");
const fixtures = resolve(import.meta.dirname, "fixtures");

let place: Place;
let recorder: Recorder;

beforeEach(() => {
	place = goldenPlace(tempTree());
	recorder = new Recorder(place);
});

const at = (...path: string[]) => join(place.root, ...path);

/** Copies a directory of evals into the scenario's directory. */
const bring = (from: string, to: string) => cpSync(from, at(to), { recursive: true });

const filesBelow = (directory: string) =>
	readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name !== ".gitignore")
		.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
		.sort();

/** Records the content of files. */
function writeFiles(directory: string, files: readonly string[]): void {
	for (const file of files) recorder.write(`== ${file}`, readFileSync(join(directory, file), "utf8"));
}

it("help", async () => {
	const commandsOf = (help: string) =>
		[...(/\nCommands:\n([\s\S]*)$/.exec(help)?.[1] ?? "").matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => name);
	const waiting: string[][] = [[]];
	for (let words = waiting.shift(); words; words = waiting.shift()) {
		const { stdout } = await recorder.agentv(...words, "--help");
		for (const name of commandsOf(stdout)) if (name !== "help") waiting.push([...words, name]);
	}
	for (const shell of ["bash", "zsh", "fish"]) await recorder.agentv("completion", shell);
	recorder.check("help");
});

it("wrong-usage", async () => {
	bring(join(fixtures, "graders"), "graders");
	const wrong = [
		...[[], ["evl"], ["eval", "run"], ["eval", "run", "graders", "--jsn"], ["eval", "run", "absent.eval.yaml"]],
		...[
			["eval", "run", "graders", "--target", "absent"],
			["eval", "run", "graders", "--target", "model"],
		],
		...[
			["eval", "run", "graders", "--workers", "none"],
			["eval", "validate", "graders", "--format", "xml"],
		],
		...[
			["eval", "run", "graders", "--test", "absent*"],
			["eval", "matrix", "graders"],
		],
		...[
			["results", "show"],
			["results", "show", "absent"],
			["results", "export", "--format", "pdf"],
		],
		...[
			["bundle", "graders"],
			["bundle", "verify", "graders"],
			["benchmark", "status", "absent"],
		],
	];
	for (const words of wrong) await recorder.agentv(...words);
	recorder.check("wrong-usage");
});

it("schemas", async () => {
	const help = await recorder.quietly("schema", "--help");
	const names = [...help.stdout.matchAll(/"([a-z-]+)"/g)].map(([, name = ""]) => name);
	expect(names).toContain("eval");
	for (const name of names) {
		const { stdout } = await recorder.quietly("schema", name);
		expect(stdout, name).toBe(readFileSync(join(schemas, `${name}.schema.json`), "utf8"));
	}
});

it("validate", async () => {
	bring(examples, "examples");
	bring(fixtures, "fixtures");
	for (const format of ["json", "text"])
		await recorder.agentv("eval", "validate", "examples", "fixtures", "--format", format);
	for (const format of ["sarif", "github", "junit"])
		await recorder.agentv("eval", "validate", "fixtures", "--format", format);
	await recorder.agentv("eval", "validate", "fixtures/older", "--strict", "--quiet");
	await recorder.agentv("eval", "validate", "fixtures/broken", "--rule", "tests.duplicate-id=warn", "--quiet");
	await recorder.agentv("eval", "validate", "fixtures", "--fix", "--migrate", "--dry-run", "--quiet");
	await recorder.agentv("eval", "validate", "fixtures/older", "--fix", "--migrate", "--quiet");
	writeFiles(at("fixtures/older"), ["older.eval.yaml"]);
	for (const rule of ["path.missing", "path.mising"]) await recorder.agentv("eval", "validate", "--explain", rule);
	recorder.check("validate");
});

it("init-and-doctor", async () => {
	await recorder.agentv("init", "mine");
	const files = filesBelow(at("mine"));
	recorder.write("== mine", files.join("\n"));
	const isSchema = (file: string) => file.endsWith(".schema.json");
	writeFiles(
		at("mine"),
		files.filter((file) => !isSchema(file)),
	);
	for (const file of files.filter(isSchema))
		expect(readFileSync(at("mine", file), "utf8")).toBe(readFileSync(join(schemas, basename(file)), "utf8"));
	bring(join(fixtures, "graders"), "graders");
	await recorder.agentv("doctor", "mine", "graders", "--json");
	await recorder.agentv("doctor", "graders", "--target", "model");
	recorder.check("init-and-doctor");
});

it("plans", async () => {
	bring(examples, "examples");
	bring(fixtures, "fixtures");
	const evals = ["examples", "fixtures/graders", "fixtures/older"];
	await recorder.agentv("eval", "run", ...evals, "--dry-run", "--json", "--workers", "2");
	await recorder.agentv("eval", "run", ...evals, "--dry-run", "--workers", "2", "--shard", "2/3");
	await recorder.agentv(
		"eval",
		"run",
		"fixtures/graders",
		"--dry-run",
		"--workers",
		"2",
		"--target",
		"fixed",
		"--tag",
		"text",
	);
	for (const format of ["lines", "github", "k8s"])
		await recorder.agentv("eval", "matrix", ...evals, "--shards", "3", "--format", format, "--image", "agentv:latest");
	recorder.check("plans");
});

const graders = ["eval", "run", "graders", "--workers", "1"];
/** Excludes graders that start a program, for runs that only prepare another test. */
const quick = [...graders, "--exclude-tag", "programs"];

it("examples-run", async () => {
	bring(examples, "examples");
	await recorder.agentv("eval", "run", "examples", "--workers", "1", "--output", "out");
	writeFiles(at("out"), ["index.jsonl", "run.json"]);
	await recorder.agentv("cache", "prune", "--all", "--dry-run", "--json");
	recorder.check("examples-run");
});

it("run", async () => {
	bring(join(fixtures, "graders"), "graders");
	await recorder.agentv(...graders, "--output", "out");
	writeFiles(at("out"), filesBelow(at("out")));
	for (const reporter of ["json", "junit", "github"])
		await recorder.agentv(...quick, "--output", `out-${reporter}`, "--reporter", reporter);
	await recorder.agentv(...graders, "--output", "out", "--resume", "--json");
	await recorder.agentv(
		...graders,
		"--output",
		"few",
		"--tag",
		"text",
		"--repeat",
		"2",
		"--experiment",
		"few",
		"--json",
	);
	await recorder.agentv("eval", "run", "--rerun-failed", "out", "--workers", "1", "--output", "again", "--json");
	await recorder.agentv("eval", "record", "graders/graders.eval.yaml", "--target", "fixed", "--out", "answers.jsonl");
	writeFiles(place.root, ["answers.jsonl"]);
	recorder.check("run");
});

it("results", async () => {
	bring(join(fixtures, "graders"), "graders");
	await recorder.quietly(...graders, "--output", "out");
	for (const format of ["json", "jsonl", "junit", "markdown", "html"])
		await recorder.agentv("results", "export", "out", "--format", format);
	await recorder.agentv("results", "show", "out");
	await recorder.agentv("results", "show", "out", "--json");
	await recorder.agentv("results", "show", "out", "--test", "t*", "--json");
	await recorder.agentv("results", "verify", "out");
	await recorder.agentv("results", "verify", "out", "--json");
	await recorder.agentv("results", "regrade", "out", "--output", "regraded", "--workers", "1", "--json");
	const file = at("graders/graders.eval.yaml");
	writeFileSync(file, readFileSync(file, "utf8").replace("value: bye", "value: no"));
	await recorder.quietly(...quick, "--output", "changed");
	await recorder.agentv("results", "compare", "out", "changed", "regraded");
	await recorder.agentv("results", "compare", "out", "changed", "--json");
	await recorder.agentv(
		"results",
		"compare",
		"out",
		"changed",
		"--vary",
		"graders",
		"--fail-on",
		"regression",
		"--json",
	);
	await recorder.quietly(...quick);
	for (const more of [[], ["--json"], ["--experiment", "none", "--json"]])
		await recorder.agentv("results", "list", ...more);
	const rows = readFileSync(at("out/index.jsonl"), "utf8");
	writeFileSync(at("out/index.jsonl"), rows.replace('"score":1', '"score":0.5'));
	await recorder.agentv("results", "verify", "out", "--json");
	recorder.check("results");
});

it("shards", async () => {
	bring(join(fixtures, "graders"), "graders");
	for (const shard of ["1", "2"])
		await recorder.quietly(...quick, "--shard", `${shard}/2`, "--output", `shard-${shard}`);
	await recorder.agentv("results", "merge", "shard-1", "--output", "half", "--json");
	await recorder.agentv("results", "merge", "shard-1", "shard-2", "--output", "whole", "--json");
	await recorder.agentv("results", "merge", "shard-1", "shard-2", "--output", "text");
	writeFiles(at("whole"), ["run.json", "summary.json"]);
	await recorder.agentv("eval", "run", "--only-missing", "half", "--dry-run", "--workers", "1", "--json");
	recorder.check("shards");
});

it("bundle", async () => {
	bring(examples, "examples");
	bring(fixtures, "fixtures");
	const bundled = "examples/quickstart/evals/quickstart.eval.yaml";
	await recorder.agentv("bundle", bundled, "--output", "one", "--dry-run");
	await recorder.agentv("bundle", bundled, "--output", "one", "--dry-run", "--json");
	await recorder.agentv("bundle", bundled, "--output", "one", "--json");
	writeFiles(at("one"), ["manifest.json", "eval.yaml"]);
	await recorder.agentv("bundle", "verify", "one");
	await recorder.agentv("bundle", "verify", "one", "--json");
	await recorder.agentv("bundle", "verify", "one", "--list");
	await recorder.agentv("bundle", "inspect", "one");
	await recorder.agentv("bundle", "inspect", "one", "--json");
	await recorder.agentv("bundle", "trust", "one", "--yes", "--json");
	const pinned = "examples/pinned-repository/pinned.eval.yaml";
	await recorder.agentv("bundle", pinned, "--output", "two", "--vendor-repos", "--json");
	await recorder.agentv("bundle", "fixtures/graders/graders.eval.yaml", "--output", "three", "--json");
	await recorder.agentv("bundle", "fixtures/broken/broken.eval.yaml", "--output", "four", "--json");
	writeFileSync(at("one/eval.yaml"), "changed\n");
	await recorder.agentv("bundle", "verify", "one", "--json");
	recorder.check("bundle");
});

/**
 * Commits everything below `work` and pushes it; the commits are the same on each machine and day.
 */
function push(day: number): void {
	const date = `2026-01-0${day}T00:00:00Z`;
	const env = { ...gitTestEnvironment, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
	const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgSign=false"];
	const git = (...args: string[]) =>
		execFileSync("git", [...identity, ...args], { cwd: at("work"), env, stdio: "pipe" });
	git("add", "--all");
	git("commit", "--quiet", "--message", `day ${day}`);
	git("push", "--quiet", at("origin.git"), "main");
}

it("benchmarks", async () => {
	bareRepository(at("origin.git"));
	gitRepository(at("work"));
	bring(join(fixtures, "graders"), "work/evals");
	push(1);
	const url = `file://${at("origin.git")}`;
	await recorder.agentv("benchmark", "list", "--json");
	await recorder.agentv("benchmark", "add", url, "--id", "remote", "--json");
	bring(join(fixtures, "older"), "older");
	await recorder.agentv("benchmark", "add", "older", "--json");
	const looks = [["list"], ["status"], ["sync", "--dry-run"]];
	for (const look of looks) await recorder.agentv("benchmark", ...look, "--json");
	await recorder.agentv("benchmark", "sync", "remote", "--json");
	const file = at("work/evals/graders.eval.yaml");
	writeFileSync(file, readFileSync(file, "utf8").replace("Say bye.", "Say goodbye."));
	push(2);
	for (const look of looks) {
		await recorder.agentv("benchmark", ...look, "--json");
		await recorder.agentv("benchmark", ...look);
	}
	await recorder.agentv("benchmark", "sync", "--all");
	await recorder.agentv("benchmark", "trust", "remote", "--json");
	await recorder.agentv("benchmark", "trust", "remote", "--yes", "--json");
	await recorder.agentv("eval", "validate", "--benchmark", "remote", "--quiet");
	await recorder.agentv("benchmark", "remove", "older", "--json");
	await recorder.agentv("benchmark", "remove", "remote");
	recorder.check("benchmarks");
});

it("studio", async () => {
	bring(join(fixtures, "graders"), "graders");
	bring(join(fixtures, "broken"), "broken");
	bring(join(examples, "quickstart"), "quickstart");
	await recorder.quietly(...graders);
	await recorder.quietly(...quick, "--target", "fixed", "--experiment", "other");
	await recorder.quietly("benchmark", "add", "quickstart", "--json");
	const options = { cwd: place.root, env: place.env, host: "127.0.0.1", allowHosts: [], readOnly: false };
	const token = "a-token-of-more-than-22-characters";
	const pages = at("graders");
	const studio = await startStudio({ ...options, token, pages, version: "0.0.0", port: 0, exactPort: true });
	const ids = new Map<string, string>();
	const get = async (path: string) => {
		const url = `http://127.0.0.1:${studio.port}${path}`;
		const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
		const text = await response.text();
		let shown = path;
		for (const [id, name] of ids) shown = shown.replaceAll(id, name);
		recorder.write(`GET ${shown} → ${response.status}`, text);
		return text === "" || response.headers.get("content-type")?.includes("json") !== true
			? undefined
			: JSON.parse(text);
	};
	/** Returns the ids of the items, which depend on paths, and records them by name. */
	const idsOf = (
		items: readonly Readonly<Record<string, string>>[],
		nameOf: (item: Readonly<Record<string, string>>) => string,
	) =>
		items.map((item) => {
			const name = `<${nameOf(item)}>`;
			ids.set(item["id"] ?? "", name);
			recorder.name(item["id"] ?? "", name);
			return item["id"] ?? "";
		});
	try {
		await get("/api/about");
		await get("/api/jobs");
		await get("/api/benchmarks");
		await get("/api/benchmarks/quickstart");
		const evals = idsOf((await get("/api/evals")).items, ({ file }) => `eval ${file}`);
		const marks = evals.map((id) => `id=${id}`).join("&");
		await get(`/api/evals/marks?${marks}`);
		await get("/api/evals?benchmark=quickstart");
		for (const id of evals) for (const path of ["", "/tests"]) await get(`/api/evals/${id}${path}`);
		for (const id of evals) {
			// The plan's digest depends on the files' modification times.
			const { digest } = await get(`/api/evals/${id}/run/plan`);
			if (typeof digest === "string") recorder.name(digest, "<plan digest>");
		}
		await get("/api/bundles");
		const runs = idsOf((await get("/api/runs")).items, ({ experiment }) => `run ${experiment}`);
		await get("/api/runs/history");
		await get("/api/runs?experiment=other");
		for (const id of runs) {
			await get(`/api/runs/${id}`);
			const { items } = await get(`/api/runs/${id}/tests`);
			for (const { attempts } of items.slice(0, 4)) await get(`/api/runs/${id}/tests/${attempts[0].id}`);
		}
		await get(`/api/runs/${runs.at(-1)}/tests?status=failed&sort=score`);
		await get(`/api/runs/compare?${runs.map((id) => `run=${id}`).join("&")}`);
		await get(`/api/runs/compare?${runs.map((id) => `run=${id}`).join("&")}&part=changed&vary=target`);
		for (const path of ["/api/absent", "/api/runs/absent", "/api/evals?state=none", "/api/runs?page=0"])
			await get(path);
	} finally {
		await studio.close();
	}
	recorder.check("studio");
});
