import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { waitUntil } from "@agentv/test-support";
import { onTestFinished } from "vitest";

/** A program in a pseudo-terminal of `script`, 200 columns wide. */
export interface Terminal {
	/** Types keys: `\t` is Tab, `\r` is Enter. */
	type(keys: string): void;
	/** Returns the output so far without control sequences. */
	shown(): string;
	/** Waits for `text` in the output. */
	waitFor(text: string): Promise<void>;
}

interface TerminalOptions {
	readonly cwd: string;
	readonly env: Readonly<Record<string, string>>;
}

/** Opens a terminal and closes it when the test ends. */
export function openTerminal(argv: readonly string[], { cwd, env }: TerminalOptions): Terminal {
	const words = ["sh", "-c", 'stty cols 200 rows 50; exec "$@"', "sh", ...argv];
	const args = process.platform === "darwin" ? ["-q", "/dev/null", ...words] : ["-qec", quoted(words), "/dev/null"];
	const child = spawn("script", args, { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		output += text;
	});
	// The program may exit before it has read all input.
	child.stdin.on("error", () => undefined);
	onTestFinished(() => end(child));
	const shown = () => stripVTControlCharacters(output);
	return {
		type: (keys) => void child.stdin.write(keys),
		shown,
		waitFor: (text) =>
			waitUntil(() => {
				if (shown().includes(text)) return true;
				throw new Error(`${JSON.stringify(text)} was not shown, but: ${JSON.stringify(shown().slice(-2000))}`);
			}, 30_000),
	};
}

/** Clears the current line and exits the shell. */
async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = new Promise((resolve) => child.on("close", resolve));
	child.stdin?.write("\u0015exit\r");
	const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
	await ended;
	clearTimeout(timer);
}

function quoted(words: readonly string[]): string {
	return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
