import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { git, gitTestEnvironment, tempTree, waitUntil, writeTree } from "@agentv/test-support";
import { onTestFinished } from "vitest";
import { calledCommand } from "./called-command.ts";
import type { MarkdownPage } from "./markdown-page.ts";
import { type PageCommand, withoutComment } from "./page-commands.ts";

/** The exit code and output of a command. */
interface Outcome {
	readonly exitCode: number | null;
	readonly output: string;
}

/** Runs a page's commands in sequence, as in one shell. */
export interface PageSandbox {
	run(command: PageCommand): Promise<Outcome>;
}

/** Returns the line, exit code and output of a command that doesn't exit as the page says. */
export async function surpriseOf(command: PageCommand, sandbox: PageSandbox): Promise<string | undefined> {
	const { exitCode, output } = await sandbox.run(command);
	return exitCode === command.exitCode ? undefined : `${command.line}: ${command.text}\nexit ${exitCode}\n${output}`;
}

const identity = "[user]\n\tname = Reader\n\temail = reader@example.com\n[init]\n\tdefaultBranch = main\n";

interface SandboxOptions {
	/** A directory with the files of `agentv init`. */
	readonly starter: string;
	/** Whether the page's reader has no project yet. */
	readonly fromNothing: boolean;
}

/**
 * Creates a project for a page, with the files of `agentv init` and of the page committed. HOME and
 * AGENTV_HOME are empty. `https://github.com/acme/…` is redirected to local repositories.
 */
export async function pageSandbox(page: MarkdownPage, { starter, fromNothing }: SandboxOptions): Promise<PageSandbox> {
	const place = tempTree({ "shell/env": "" });
	const work = join(place, "work");
	for (const directory of ["work", "home", "bin"]) mkdirSync(join(place, directory));
	git(work, "init", "--quiet", "--initial-branch=main");
	if (!fromNothing) cpSync(starter, work, { recursive: true });
	writeTree(work, filesOf(page));
	git(work, "add", "--all");
	git(work, "commit", "--quiet", "--allow-empty", "--message=Begin");
	calledCommand(join(place, "bin/agentv"), place);
	makeRemotes(place, starter);
	writeFileSync(join(place, "shell/cwd"), work);
	const env = {
		...gitTestEnvironment,
		PATH: `${join(place, "bin")}:${process.env["PATH"]}`,
		HOME: join(place, "home"),
		AGENTV_HOME: join(place, "home/.agentv"),
		GIT_CONFIG_GLOBAL: join(place, "gitconfig"),
		OPENAI_BASE_URL: await modelServer(),
		OPENAI_API_KEY: "sk-a-key-of-the-tests",
		GITHUB_TOKEN: "ghp_a_token_of_the_tests",
		TMPDIR: place,
	};
	return { run: (command) => (command.serves ? visit(command, place, env) : type(command, place, env)) };
}

/** Returns the files of the project: blocks whose first line is a comment with a path. */
function filesOf(page: MarkdownPage): Record<string, string> {
	return Object.fromEntries(
		page.blocks.flatMap(({ text, language }) => {
			if (language === "sh") return [];
			const [, path] = /^(?:#|\/\/) ((?:[\w.-]+\/)*[\w.-]+\.(?:ya?ml|mjs))$/m.exec(text.split("\n")[0] ?? "") ?? [];
			return path === undefined ? [] : [[path, `${text}\n`]];
		}),
	);
}

/**
 * Creates `https://github.com/acme/evals.git` with the starter's evals, also in the directory
 * `smoke`.
 */
function makeRemotes(place: string, starter: string): void {
	const evals = join(place, "remotes/acme/evals");
	mkdirSync(evals, { recursive: true });
	cpSync(join(starter, "evals"), evals, { recursive: true });
	cpSync(join(starter, "evals"), join(evals, "smoke"), { recursive: true });
	git(evals, "init", "--quiet", "--initial-branch=main");
	git(evals, "add", "--all");
	git(evals, "commit", "--quiet", "--message=Evals");
	git(place, "clone", "--quiet", "--bare", evals, join(place, "remotes/acme/evals.git"));
	const answered = `[url "file://${join(place, "remotes")}/"]\n\tinsteadOf = https://github.com/\n\tinsteadOf = https://x-access-token:ghp_a_token_of_the_tests@github.com/\n`;
	writeFileSync(join(place, "gitconfig"), identity + answered);
}

/** Starts a server for chat completions with a fixed response. */
async function modelServer(): Promise<string> {
	const message = { role: "assistant", content: "Hello Ada, hello Grace." };
	const answer = {
		...{ id: "chat-1", object: "chat.completion", created: 0, model: "gpt-5-mini" },
		choices: [{ index: 0, message, finish_reason: "stop" }],
		usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
	};
	const server = createServer((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => void server.close());
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

type Env = Readonly<Record<string, string>>;

/** Runs a command in the directory and with the exported variables that the previous one left. */
async function type({ text }: PageCommand, place: string, env: Env): Promise<Outcome> {
	const state = join(place, "shell");
	const script = `. '${state}/env'\ncd "$(cat '${state}/cwd')"\n${text}\ncode=$?\nexport -p > '${state}/env'\npwd > '${state}/cwd'\nexit $code\n`;
	const { child, output } = start(script, place, env);
	const [exitCode] = (await once(child, "close")) as [number | null];
	return { exitCode, output: output() };
}

/** Starts a server, opens the URL that it prints, and stops it with SIGINT. */
async function visit({ text }: PageCommand, place: string, env: Env): Promise<Outcome> {
	const script = `. '${place}/shell/env'\ncd "$(cat '${place}/shell/cwd')"\n${withoutComment(text)} &\necho "pid $!"\nwait $!\n`;
	const { child, output } = start(script, place, env);
	const closed = once(child, "close") as Promise<[number | null]>;
	const found = (pattern: RegExp) => pattern.exec(output())?.[1];
	await Promise.race([waitUntil(() => found(/(http:\/\/\S+)/) !== undefined, 30_000), closed]);
	const address = new URL(found(/(http:\/\/\S+)/)?.replace("0.0.0.0", "127.0.0.1") ?? "http://nowhere.invalid");
	const headers = { authorization: `Bearer ${address.searchParams.get("token")}` };
	const answer = await fetch(new URL("/api/about", address), { headers });
	process.kill(Number(found(/^pid (\d+)$/m)), "SIGINT");
	const [exitCode] = await closed;
	return answer.ok ? { exitCode, output: output() } : { exitCode: null, output: `${output()}HTTP ${answer.status}` };
}

function start(script: string, place: string, env: Env): { child: ChildProcess; output: () => string } {
	const child = spawn("sh", ["-c", script], { cwd: place, env, stdio: ["ignore", "pipe", "pipe"] });
	onTestFinished(() => void child.kill("SIGKILL"));
	let said = "";
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding("utf8").on("data", (chunk: string) => {
			said += chunk;
		});
	return { child, output: () => said };
}
