import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { agentvBin, tempTree, waitUntil } from "@agentv/test-support";
import { openTerminal, type Terminal } from "./terminal.ts";

export const bashCompletionPackage = "/usr/share/bash-completion/bash_completion";

/** Returns the path of a shell, which the tests require. */
function shellPath(name: string): string {
	const directories = (process.env["PATH"] ?? "").split(delimiter);
	const found = directories.map((directory) => join(directory, name)).find((file) => existsSync(file));
	if (found === undefined) throw new Error(`The tests of completion need ${name}: install it, on Debian by apt-get.`);
	return found;
}

/** A file name with commands that a shell would execute. */
export const hostileName = 'it\'s $(touch canary) `touch canary`; & "x" !y *.eval.yaml';
export const hostileTarget = "a b $(touch canary)";

export interface Project {
	readonly cwd: string;
	/** The file that a command in a file name would create. */
	readonly canary: string;
	readonly env: Readonly<Record<string, string>>;
}

/**
 * Creates a project with an `agentv` that completes like the real one, but otherwise only records
 * its arguments.
 */
export function project(): Project {
	const text = "tests: [{ id: one, input: hi, criteria: greets }, { id: two words, input: hi, criteria: greets }]\n";
	const cwd = tempTree({
		"evals/plain.eval.yaml": text,
		"evals/with space.eval.yaml": text,
		[`evals/${hostileName}`]: text,
		"evals/co:lon.eval.yaml": text,
		"evals/sub dir/deep.eval.yaml": text,
		"evals/notes.txt": "",
		"evals/targets.yaml": `targets: [{ name: plain, provider: mock }, { name: "${hostileTarget}", provider: mock }]\n`,
		".home/benchmarks.yaml": "benchmarks: [{ id: alpha, path: a }, { id: beta-two, path: b }]\n",
		"bin/agentv": recorder,
	});
	chmodSync(join(cwd, "bin/agentv"), 0o755);
	const path = `${join(cwd, "bin")}${delimiter}${process.env["PATH"] ?? ""}`;
	const env = { PATH: path, HOME: cwd, ZDOTDIR: cwd, AGENTV_HOME: join(cwd, ".home"), TERM: "xterm", LANG: "C.UTF-8" };
	return { cwd, canary: join(cwd, "canary"), env };
}

const recorder = `#!/bin/sh
case $1 in
completion | __complete) exec "${process.execPath}" "${agentvBin()}" "$@" ;;
esac
printf '%s\\0' "$@" > "$HOME/argv.new"
mv "$HOME/argv.new" "$HOME/argv"
`;

/** An interactive shell. */
export interface Session extends Terminal {
	/** Types a line and Enter, and returns the arguments of the call of `agentv`. */
	enter(keys: string): Promise<readonly string[]>;
}

export type Shell = "bash" | "bash with its completion package" | "zsh" | "fish";

/** Opens a shell with completion loaded as documented. */
export async function openShell(shell: Shell, { cwd, env }: Project): Promise<Session> {
	const terminal = openTerminal(commandOf(shell, cwd), { cwd, env });
	await terminal.waitFor("ready> ");
	return {
		...terminal,
		async enter(keys) {
			const file = join(cwd, "argv");
			rmSync(file, { force: true });
			terminal.type(`${keys}\r`);
			await waitUntil(() => {
				if (existsSync(file)) return true;
				throw new Error(
					`nothing was called after ${JSON.stringify(keys)}: ${JSON.stringify(terminal.shown().slice(-2000))}`,
				);
			}, 30_000);
			return readFileSync(file, "utf8").split("\0").slice(0, -1);
		},
	};
}

function commandOf(shell: Shell, cwd: string): readonly string[] {
	const rc = (name: string, lines: readonly string[]) => {
		const file = join(cwd, name);
		writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
		return file;
	};
	const prompt = "PS1='ready> '";
	if (shell === "zsh") {
		rc(".zshrc", ["autoload -Uz compinit && compinit -u -D", "source <(agentv completion zsh)", prompt]);
		return [shellPath("zsh"), "-d", "-i"];
	}
	if (shell === "fish") {
		const init = "function fish_prompt; echo -n 'ready> '; end; agentv completion fish | source";
		return [shellPath("fish"), "--no-config", "--private", "--init-command", init];
	}
	const load = shell === "bash" ? [] : [`source ${bashCompletionPackage}`];
	const file = rc(".bashrc", [...load, 'eval "$(agentv completion bash)"', prompt]);
	return [shellPath("bash"), "--noprofile", "--rcfile", file, "-i"];
}
