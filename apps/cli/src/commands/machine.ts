import { join, relative, resolve } from "node:path";
import {
	AgentvError,
	discoverEvals,
	examine,
	type FormatName,
	jsonSchemaOf,
	openDiskView,
	pathKind,
	pruneCache,
	recordToWire,
	repositoryRoot,
	resolveBenchmarkPaths,
	writeAllOrNone,
} from "@agentv/core";
import type { Command } from "commander";
import { answerBash, answerFish, answerZsh, complete as candidatesFor } from "../completion/complete.ts";
import { readShellLine, type ShellName, shellScripts } from "../completion/shell-line.ts";
import type { CommandResult, Context } from "../context.ts";
import { countItems, doctorText, pruneJson, pruneText } from "../output/maintenance.ts";
import { colorsFor, json as jsonText } from "../output/terminal.ts";

interface CachePruneOptions {
	readonly olderThan?: number;
	readonly all?: boolean;
	readonly dryRun?: boolean;
	readonly json?: boolean;
}

const usualAgeMs = 30 * 24 * 60 * 60_000;

export async function cachePrune(
	{ olderThan, all, dryRun, json }: CachePruneOptions,
	{ env, signal, stdout }: Context,
): Promise<CommandResult> {
	if (olderThan !== undefined && all)
		throw new AgentvError("usage", "--all and --older-than cannot be combined", { hint: "Use only one of them." });
	const olderThanMs = olderThan ?? usualAgeMs;
	const result = await pruneCache({ env, olderThanMs, now: Date.now(), signal, all, dryRun });
	const text = json
		? pruneJson(result, dryRun === true)
		: pruneText(result, { dryRun: dryRun === true, olderThanMs, colors: colorsFor(stdout) });
	return { text, exitCode: result.failed.length > 0 ? 1 : 0 };
}

interface DoctorCommandOptions {
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly benchmark?: string;
	readonly online?: boolean;
	/** Seconds. */
	readonly timeout: number;
	readonly json?: boolean;
}

export async function doctor(
	args: readonly string[],
	options: DoctorCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { env, cwd, signal, stdout } = context;
	const evals = namedEvals(args, options.benchmark, context);
	const items = await examine({
		env,
		cwd,
		signal,
		evals,
		targets: options.target,
		targetsFile: options.targets === undefined ? undefined : resolve(cwd, options.targets),
		onlineMs: options.online ? options.timeout * 1000 : undefined,
	});
	const summary = countItems(items);
	// Schema: docs/schemas/doctor-output.schema.json.
	const text = options.json ? jsonText({ items: recordToWire(items), summary }) : doctorText(items, stdout);
	return { text, exitCode: summary.problems > 0 ? 1 : 0 };
}

/** Returns undefined if no evals are named: doctor then searches itself, and may find none. */
function namedEvals(
	args: readonly string[],
	benchmark: string | undefined,
	{ env, cwd }: Context,
): readonly string[] | undefined {
	const view = openDiskView();
	if (benchmark !== undefined) return resolveBenchmarkPaths(benchmark, args, { env, view }).files;
	return args.length > 0 ? discoverEvals(args, cwd, view) : undefined;
}

/** Writes a working eval, all files or none; never overwrites existing files. */
export async function init(directory: string, _options: object, context: Context): Promise<CommandResult> {
	const root = resolve(context.cwd, directory);
	const files = starterFiles();
	const isThere = ({ path }: StarterFile) => pathKind(join(root, path)) !== "missing";
	const taken = files.filter((file) => !file.isSupport && isThere(file)).map(({ path }) => path);
	if (taken.length > 0) {
		throw new AgentvError(
			"refused",
			`${taken.join(", ")} ${taken.length === 1 ? "is" : "are"} already there, so nothing was written`,
			{ hint: "Use another directory: agentv init <directory>." },
		);
	}
	const existing = new Set(files.filter((file) => file.isSupport && isThere(file)));
	const written = files.filter((file) => !existing.has(file));
	writeAllOrNone(written.map(({ path, content }) => ({ path: join(root, path), content })));
	const shown = (path: string) => relative(context.cwd, join(root, path)) || path;
	const width = Math.max(...files.map(({ path }) => shown(path).length));
	const inRepository = repositoryRoot(root) !== undefined;
	const lines = [
		...files.map((file) => {
			const [verb, note] = existing.has(file) ? ["kept ", "already exists"] : ["wrote", file.purpose];
			return `${verb} ${shown(file.path).padEnd(width)}  ${note}`;
		}),
		"",
		"Try it:",
		...(inRepository ? [`  git add ${shown("evals")} ${shown(".agentv/schemas")}`] : []),
		`  agentv eval validate ${shown("evals")}`,
		`  agentv eval ${shown("evals/greeting.eval.yaml")}`,
	];
	return { text: `${lines.join("\n")}\n`, exitCode: 0 };
}

export async function schema(format: FormatName): Promise<CommandResult> {
	return { text: `${JSON.stringify(jsonSchemaOf(format), null, 2)}\n`, exitCode: 0 };
}

interface StarterFile {
	readonly path: string;
	readonly content: string;
	readonly purpose: string;
	/** Whether an existing file is used instead. */
	readonly isSupport?: boolean;
}

/** Returns a small eval that passes offline and shows the parts that users change first. */
function starterFiles(): StarterFile[] {
	const schema = (format: "eval" | "targets") => `${JSON.stringify(jsonSchemaOf(format), null, 2)}\n`;
	return [
		{ path: "evals/greeting.eval.yaml", content: evalText, purpose: "the eval" },
		{ path: "evals/cases.jsonl", content: casesText, purpose: "its tests, one per line" },
		{ path: "evals/targets.yaml", content: targetsText, purpose: "targets: an offline mock, and a model" },
		{ path: "evals/scripts/check-length.mjs", content: graderText, purpose: "a custom grader" },
		{ path: "evals/.env.example", content: envText, purpose: "its environment variables" },
		{ path: "evals/.gitignore", content: ".env\n", purpose: "keeps keys out of git", isSupport: true },
		{ path: ".agentv/schemas/eval.schema.json", content: schema("eval"), purpose: "for editors", isSupport: true },
		{
			path: ".agentv/schemas/targets.schema.json",
			content: schema("targets"),
			purpose: "for editors",
			isSupport: true,
		},
	];
}

const evalText = `# yaml-language-server: $schema=../.agentv/schemas/eval.schema.json
name: greeting
description: Greets people by name, briefly.

# The target in targets.yaml to test; use --target model for the real one.
target: default

tests: ./cases.jsonl

# Graders for every test; a test can have additional ones.
assertions:
  - type: icontains-any
    value: [hello, welcome, hi]
  - name: brief
    type: code-grader
    command: [node, ./scripts/check-length.mjs]
    config: { most: 120 }
`;

const casesText = `{"id": "ada", "input": "Greet Ada.", "assertions": [{"type": "contains", "value": "Ada"}]}
{"id": "grace", "input": "Greet Grace.", "assertions": [{"type": "contains", "value": "Grace"}]}
`;

const targetsText = `# yaml-language-server: $schema=../.agentv/schemas/targets.schema.json
targets:
  # Always returns the same answers, to try graders offline.
  - name: default
    provider: mock
    responses:
      ada: Hello Ada, nice to see you.
      grace: Welcome, Grace!

  # Any server with OpenAI's chat completions API; by default OpenAI's own.
  - name: model
    provider: openai
    base_url: \${{ OPENAI_BASE_URL:-https://api.openai.com/v1 }}
    api_key: \${{ OPENAI_API_KEY }}
    model: \${{ OPENAI_MODEL:-gpt-5-mini }}
`;

const graderText = `// A grader reads one JSON object from stdin and prints {score, assertions}.
import { readFileSync } from "node:fs";

const { output, config } = JSON.parse(readFileSync(0, "utf8"));
const passed = output.length <= config.most;
console.log(
	JSON.stringify({
		score: passed ? 1 : 0,
		assertions: [{ text: \`has at most \${config.most} characters\`, passed, evidence: \`\${output.length} characters\` }],
	}),
);
`;

const envText = `# Copy to .env and fill in, for the target "model". The offline one needs nothing.
OPENAI_BASE_URL=https://api.openai.com/v1
OPENAI_API_KEY=
OPENAI_MODEL=gpt-5-mini
`;

/**
 * Runs `agentv __complete <shell> -- …`, which the completion scripts call. bash passes its word
 * breaks and the line up to the cursor, other shells the words after the program's name.
 */
export function completerOf(program: Command) {
	return (shell: ShellName, texts: readonly string[], _options: object, context: Context) =>
		complete(program, shell, texts, context);
}

async function complete(
	program: Command,
	shell: ShellName,
	texts: readonly string[],
	context: Context,
): Promise<CommandResult> {
	if (shell === "bash") {
		const [breaks = "", text = ""] = texts;
		const line = readShellLine(text, breaks);
		return answer(answerBash(await candidatesFor(program, line.words.slice(1), context), line));
	}
	const before = texts.slice(0, -1);
	const last = texts.at(-1) ?? "";
	// fish passes the last word with its quotes.
	const typed = shell === "fish" ? (readShellLine(last, "").words.at(-1) ?? "") : last;
	const candidates = await candidatesFor(program, [...before, typed], context);
	return answer(shell === "fish" ? answerFish(candidates) : answerZsh(candidates, typed));
}

function answer(text: string): CommandResult {
	return { text, exitCode: 0 };
}

export async function completion(shell: ShellName): Promise<CommandResult> {
	return { text: shellScripts[shell], exitCode: 0 };
}
