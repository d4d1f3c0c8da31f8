// Records what the source makes of evals, and compares it with an earlier record.
// Needs no build; runs no program of an eval.
//   node scripts/golden.mjs --over DIR [--over DIR …] [--set NAME=VALUE …] --save FILE
//   node scripts/golden.mjs --compare FILE [--only TEXT]   (exit 1: something differs)
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundleMain } from "../apps/cli/scripts/bundling.mjs";
import { normalise } from "../apps/cli/test/golden/normalise.mjs";

const { values: chosen } = parseArgs({
	options: {
		over: { type: "string", multiple: true },
		set: { type: "string", multiple: true },
		save: { type: "string" },
		compare: { type: "string" },
		only: { type: "string", default: "" },
	},
});

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "agentv-golden-")));

/** Substitutes for an eval's programs, except git: a run begins and starts its targets. */
function harmlessPrograms() {
	const directory = join(scratch, "bin");
	mkdirSync(directory);
	const names = "node npx npm pnpm bun bunx tsx uv python python3 bash claude codex copilot code pi gemini gh docker";
	for (const name of names.split(" ")) {
		writeFileSync(join(directory, name), "#!/bin/sh\nexit 0\n");
		chmodSync(join(directory, name), 0o755);
	}
	return directory;
}

const path = [harmlessPrograms(), process.env.PATH].join(delimiter);
mkdirSync(join(scratch, "home"));
const fixedTargets = join(scratch, "targets.yaml");
writeFileSync(fixedTargets, "targets:\n  - { name: fixed, provider: mock, response: hello }\n");

/** Returns values for all variables in files under `directory`; `set` contains those to choose. */
function environment(directory, set) {
	const files = readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && /\.(ya?ml|jsonl?)$/.test(entry.name))
		.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
	const names = files.flatMap((text) => [...text.matchAll(/\$\{\{\s*([A-Za-z_]\w*)/g)].map((match) => match[1]));
	const values = [...new Set(names)].sort().map((name) => [name, `https://${name.replaceAll("_", "-")}.invalid`]);
	const chosen = set.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]);
	return {
		...Object.fromEntries([...values, ...chosen]),
		PATH: path,
		HOME: scratch,
		AGENTV_HOME: join(scratch, "home"),
	};
}

async function command(main, args, { cwd, env }) {
	const said = { stdout: "", stderr: "" };
	const output = (name) => ({
		write(text) {
			said[name] += text;
		},
		...{ isTTY: false, columns: 100, color: false },
	});
	const exitCode = await main(args, {
		...{ cwd, env, signal: new AbortController().signal },
		...{ stdout: output("stdout"), stderr: output("stderr") },
	});
	return { exitCode, ...said };
}

const parsed = ({ exitCode, stdout, stderr }) => {
	try {
		return { exitCode, stderr, stdout: JSON.parse(stdout) };
	} catch {
		return { exitCode, stderr, stdout };
	}
};

function references(core, file, { cwd, env }) {
	const view = core.openDiskView();
	const loaded = core.loadEval(file, { view, env, cwd });
	const targets = core.loadTargets(loaded.scope, { view, env: core.evalEnvironment(loaded.scope, env, view) });
	const used = core.resolvedTargets(core.usedTargets(loaded, targets));
	const { files, executables, commands } = core.collectReferences(loaded, used, view);
	const shown = ({ kind, raw, at, resolved, state, onDisk }) => ({ kind, raw, at, resolved, state, on_disk: onDisk });
	return {
		files: files.map(shown),
		executables: executables.map(({ name, at }) => ({ name, at })),
		commands: commands.map(({ kind }) => kind),
	};
}

/** Reads fingerprints from the record of a run, which is stopped when it has begun. */
async function fingerprints(core, file, { cwd, env }, targets) {
	const machine = { env, cwd, version: "0.0.0" };
	const output = mkdtempSync(join(scratch, "run-"));
	try {
		const plan = core.planRun({ evals: [file], named: [file], trust: "any", workers: 1, ...targets }, machine);
		for await (const { type } of core.runEvals(plan, machine, { output, signal: new AbortController().signal }))
			if (type === "started") break;
		const run = JSON.parse(readFileSync(join(output, "run.json"), "utf8"));
		const { covered, evals, opaque, targets: recorded, fingerprints: parts, files } = run;
		return { covered, evals, opaque, targets: recorded, fingerprints: parts, files };
	} catch (error) {
		if (error.code === undefined || error.diagnostics === undefined) throw error;
		return { error: error.code, message: error.message, details: error.diagnostics.map(({ message }) => message) };
	} finally {
		rmSync(output, { recursive: true, force: true });
	}
}

const fixed = { targets: ["fixed"], graderTarget: "fixed", targetsFile: fixedTargets };

async function sectionsOf(file, { main, core }, place) {
	const json = async (...args) => parsed(await command(main, args, place));
	return {
		validate: await json("eval", "validate", file, "--format", "json"),
		fix: await json("eval", "validate", file, "--fix", "--migrate", "--dry-run", "--quiet"),
		plan: await json("eval", "run", file, "--dry-run", "--json", "--workers", "1"),
		bundle: await json("bundle", file, "--output", join(scratch, "bundle"), "--dry-run", "--json"),
		references: references(core, file, place),
		fingerprints: await fingerprints(core, file, place, {}),
		"fingerprints with a fixed target": await fingerprints(core, file, place, fixed),
	};
}

const hash = (text) => createHash("sha256").update(text).digest("hex").slice(0, 16);

async function record(directories, set) {
	const paths = await bundleMain(join(scratch, "modules"));
	const { main } = await import(pathToFileURL(paths.main).href);
	const core = await import(pathToFileURL(paths.core).href);
	const evals = {};
	for (const directory of directories) {
		const place = { cwd: directory, env: environment(directory, set) };
		for (const file of core.discoverEvals([directory], directory, core.openDiskView())) {
			const sections = Object.entries(await sectionsOf(file, { main, core }, place)).map(([name, value]) => {
				const text = normalise(JSON.stringify(value, null, 2), { [directory]: "<evals>", [scratch]: "<scratch>" });
				return [name, { hash: hash(text), text: text.split("\n") }];
			});
			evals[join(directory, relative(directory, file))] = Object.fromEntries(sections);
		}
	}
	return { over: directories, set, evals };
}

/** Prints a limited number of lines. */
function printDifference(title, before, after) {
	const [left, right] = ["before", "after"].map((name) => join(scratch, name));
	writeFileSync(left, `${before.join("\n")}\n`);
	writeFileSync(right, `${after.join("\n")}\n`);
	const { stdout } = spawnSync("git", ["diff", "--no-index", "--no-color", "-U2", left, right], { encoding: "utf8" });
	const lines = stdout.split("\n").slice(4);
	const more = lines.length > 60 ? `\n… ${lines.length - 60} more lines` : "";
	console.log(`\n${title}\n${lines.slice(0, 60).join("\n")}${more}`);
}

function compare(before, after) {
	const counts = new Map();
	for (const file of new Set([...Object.keys(before.evals), ...Object.keys(after.evals)])) {
		if (!file.includes(chosen.only)) continue;
		const [was, is] = [before.evals[file] ?? {}, after.evals[file] ?? {}];
		for (const section of new Set([...Object.keys(was), ...Object.keys(is)])) {
			if (was[section]?.hash === is[section]?.hash) continue;
			counts.set(section, (counts.get(section) ?? 0) + 1);
			printDifference(`${file}: ${section}`, was[section]?.text ?? [], is[section]?.text ?? []);
		}
	}
	if (counts.size === 0) return console.log(`${Object.keys(after.evals).length} evals: nothing differs`);
	console.log(`\ndiffers: ${[...counts].map(([section, count]) => `${section} of ${count} evals`).join(", ")}`);
	process.exitCode = 1;
}

try {
	const before = chosen.compare === undefined ? undefined : JSON.parse(readFileSync(chosen.compare, "utf8"));
	const directories = (chosen.over ?? before?.over ?? []).map((directory) => realpathSync(resolve(directory)));
	if (directories.length === 0 || (chosen.save === undefined && !before))
		throw new Error("usage: node scripts/golden.mjs --over DIR --save FILE | --compare FILE");
	const recorded = await record(directories, chosen.set ?? before?.set ?? []);
	if (chosen.save !== undefined) {
		mkdirSync(dirname(resolve(chosen.save)), { recursive: true });
		writeFileSync(chosen.save, `${JSON.stringify(recorded, null, 1)}\n`);
		console.log(`${Object.keys(recorded.evals).length} evals recorded`);
	}
	if (before) compare(before, recorded);
} finally {
	rmSync(scratch, { recursive: true, force: true });
}
