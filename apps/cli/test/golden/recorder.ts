import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { gitTestEnvironment } from "@agentv/test-support";
import { onTestFinished, vi } from "vitest";
import { main } from "../../src/main.ts";
import { normalise } from "./normalise.mjs";

const recorded = resolve(import.meta.dirname, "recorded");
const checkout = resolve(import.meta.dirname, "../../../..");

/** The directory and environment of a scenario's commands. */
export interface Place {
	/** Real absolute path. */
	readonly root: string;
	readonly env: Readonly<Record<string, string>>;
}

/**
 * Prepares an environment with only git, Node and a shell on the PATH, and a separate temporary
 * directory.
 */
export function goldenPlace(root: string): Place {
	const temporary = join(root, ".tmp");
	mkdirSync(temporary);
	vi.stubEnv("TMPDIR", temporary);
	onTestFinished(() => {
		vi.unstubAllEnvs();
	});
	const bin = join(root, ".bin");
	mkdirSync(bin);
	symlinkSync(process.execPath, join(bin, "node"));
	for (const name of ["git", "sh"]) {
		const found = gitTestEnvironment.PATH?.split(delimiter).find((directory) => existsSync(join(directory, name)));
		if (found !== undefined) symlinkSync(join(found, name), join(bin, name));
	}
	const { PATH: _, HOME: __, ...git } = gitTestEnvironment;
	return { root, env: { ...git, PATH: bin, HOME: root, AGENTV_HOME: join(root, ".home"), TMPDIR: temporary } };
}

export interface Said {
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** Records normalised output and compares it with the previous record. */
export class Recorder {
	readonly #place: Place;
	readonly #blocks: string[] = [];
	readonly #names: Record<string, string>;

	constructor(place: Place) {
		this.#place = place;
		this.#names = { [place.root]: "<root>", [checkout]: "<checkout>" };
		this.#names[process.versions.node] = "<node version>";
	}

	/** Replaces `found` by `name` in the record. */
	name(found: string, name: string): void {
		this.#names[found] ??= name;
	}

	/** Runs a command in this process and records its output and exit code. */
	async agentv(...args: string[]): Promise<Said> {
		const said = await run(this.#place, args);
		this.write(
			`$ agentv ${args.join(" ")}   # exit ${said.exitCode}`,
			said.stdout + (said.stderr === "" ? "" : `--- stderr\n${said.stderr}`),
		);
		return said;
	}

	/** Runs a command without recording it. */
	quietly(...args: string[]): Promise<Said> {
		return run(this.#place, args);
	}

	/** Records a text, with single-line JSON formatted on several lines for readable diffs. */
	write(title: string, text: string): void {
		const lines = text.split("\n").map((line) => (/^[{[].*[}\]]$/.test(line) ? spread(line) : line));
		this.#blocks.push(`${title}\n${lines.join("\n").trimEnd()}\n`);
	}

	/** Compares the record with the file of this name, or writes it with `AGENTV_UPDATE_GOLDEN=1`. */
	check(name: string): void {
		const text = normalise(this.#blocks.join("\n"), this.#names);
		const file = join(recorded, `${name}.golden`);
		if (process.env["AGENTV_UPDATE_GOLDEN"]) {
			mkdirSync(recorded, { recursive: true });
			writeFileSync(file, text);
		}
		const before = existsSync(file) ? readFileSync(file, "utf8") : "";
		if (before !== text) throw new Error(differenceText(name, file, text));
	}
}

async function run({ root, env }: Place, args: readonly string[]): Promise<Said> {
	const said = { stdout: "", stderr: "" };
	const output = (name: "stdout" | "stderr") => ({
		write: (text: string) => {
			said[name] += text;
		},
		...{ isTTY: false, columns: 100, color: false },
	});
	const { signal } = new AbortController();
	const streams = { stdout: output("stdout"), stderr: output("stderr") };
	const exitCode = await main(args, { env, cwd: root, signal, ...streams });
	return { exitCode, ...said };
}

function spread(line: string): string {
	try {
		return JSON.stringify(JSON.parse(line), null, 2);
	} catch {
		return line;
	}
}

const shownLines = 150;

function differenceText(name: string, file: string, text: string): string {
	const directory = mkdtempSync(join(tmpdir(), "agentv-golden-"));
	try {
		const after = join(directory, "now");
		writeFileSync(after, text);
		const lines = difference(existsSync(file) ? file : "/dev/null", after)
			.split("\n")
			.slice(4);
		const more = lines.length > shownLines ? `\n… ${lines.length - shownLines} more lines` : "";
		return `Behaviour differs from ${file} (- recorded, + now):
${lines.slice(0, shownLines).join("\n")}${more}

If that is intended, record it again and explain each change in the commit message:
  AGENTV_UPDATE_GOLDEN=1 npx vitest run apps/cli/test/golden -t ${JSON.stringify(name)}`;
	} finally {
		rmSync(directory, { recursive: true });
	}
}

function difference(before: string, after: string): string {
	try {
		return execFileSync("git", ["diff", "--no-index", "--no-color", before, after], { encoding: "utf8" });
	} catch (error) {
		return (error as { stdout?: string }).stdout ?? String(error);
	}
}
