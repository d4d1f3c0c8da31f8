import { type FileContent, gitRepository, tempTree, writeTree } from "@agentv/test-support";
import { main } from "../../src/main.ts";

export type Files = Readonly<Record<string, FileContent>>;

/** A tree in which a rule reports a problem, and one in which it does not. */
export interface RuleFixture {
	readonly rule: string;
	/** Written over `sound`; the rule reports one problem. */
	readonly bad: Files;
	/** The complete diagnostic: `file:line:column severity message`. */
	readonly found: string;
	/** Whether there is a hint. Default true. */
	readonly hint?: false;
	/** Written over `sound`; the rule reports nothing. Each rule has at least one such tree. */
	readonly good?: Files;
	/** The files after the fix, for rules with a fix; `false` if this finding can't be fixed. */
	readonly fixed?: Files | false;
	/** Written to the bad tree after the commit. */
	readonly later?: Files;
	/** Whether the bad tree is outside of any repository. */
	readonly bare?: true;
}

/** A committed tree without problems, which fixtures change or extend. */
export const sound: Files = {
	"evals/eval.yaml": "target: local\ntests:\n  - id: a\n    input: Say hello\n    criteria: greets\n",
	"evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n",
};

/** Returns the sound eval with additional lines for its test. */
export const test = (extra: string) =>
	`target: local\ntests:\n  - id: a\n    input: Say hello\n    criteria: greets\n${extra}`;
/** Returns the sound eval after an additional line. */
export const top = (extra: string) => `${extra}\n${test("")}`;
/** Returns an eval whose test has this input. */
export const asks = (input: string, extra = "") =>
	`target: local\n${extra}tests:\n  - id: a\n    input: ${input}\n    criteria: greets\n`;
export const evals = (text: string, more: Files = {}): Files => ({ "evals/eval.yaml": text, ...more });
export const targets = (text: string): Files => ({ "evals/targets.yaml": `targets:\n${text}` });
export const sha = "8c5fd1b5e4b4a3d2c1f0e9d8c7b6a5948372615a";
export const row = '{"id":"a","input":"hi","criteria":"greets"}\n';

export interface Found {
	readonly rule: string;
	/** `file:line:column severity message`. */
	readonly text: string;
	readonly hint: string | null;
	readonly fixable: boolean;
	readonly fixed: boolean;
}

export interface Judgement {
	readonly exitCode: number;
	readonly found: readonly Found[];
}

/**
 * Creates a repository, or a directory if `bare`, with `files` over `sound`, and returns a function
 * to validate it.
 */
export function fixtureTree(files: Files, { later = {}, bare }: Pick<RuleFixture, "later" | "bare">) {
	const root = tempTree();
	if (bare) writeTree(root, { ...sound, ...files });
	else gitRepository(root, { ...sound, ...files });
	writeTree(root, later);
	return { root, validate: (...options: string[]) => validate(root, options) };
}

/** A diagnostic in the command's JSON. */
type WireDiagnostic = Omit<Found, "text"> &
	Readonly<Record<"file" | "severity" | "message", string> & Record<"line" | "column", number>>;

async function validate(cwd: string, options: readonly string[]): Promise<Judgement> {
	const said = { stdout: "", stderr: "" };
	const output = (name: "stdout" | "stderr") => ({
		write: (text: string) => {
			said[name] += text;
		},
		...{ isTTY: false, columns: 80, color: false },
	});
	const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
	const context = {
		env,
		cwd,
		stdout: output("stdout"),
		stderr: output("stderr"),
		signal: new AbortController().signal,
	};
	const exitCode = await main(["eval", "validate", "evals/eval.yaml", "--format", "json", ...options], context);
	if (said.stdout === "") throw new Error(said.stderr);
	const { evals: judged } = JSON.parse(said.stdout.replaceAll(`${cwd}/`, "")) as {
		evals: readonly { readonly diagnostics: readonly WireDiagnostic[] }[];
	};
	const found = judged.flatMap(({ diagnostics }) =>
		diagnostics.map(({ rule, file, line, column, severity, message, hint, fixable, fixed }) => ({
			...{ rule, hint, fixable, fixed },
			text: `${file}:${line}:${column} ${severity} ${message}`,
		})),
	);
	return { exitCode: exitCode ?? 0, found };
}
