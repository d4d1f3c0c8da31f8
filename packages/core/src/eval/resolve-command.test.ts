import { join } from "node:path";
import { cpuMs, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runProcess } from "../machine/run-process.ts";
import type { CommandSpec } from "./command.ts";
import { type CommandSetting, resolveCommand } from "./resolve-command.ts";
import { openDiskView } from "./source.ts";

const env = { PATH: process.env.PATH };

function setting(root: string, values: CommandSetting["values"] = {}): CommandSetting {
	return { view: openDiskView(), scope: { directory: root, root, rootKind: "eval-directory" }, env, values };
}

function command(base: string, text: string | string[], more: Partial<CommandSpec> = {}): CommandSpec {
	return { kind: "hook", text, at: { file: join(base, "x.eval.yaml") }, base, ...more };
}

/** Returns what `printf '<%s>'` received as its arguments. */
async function printed(spec: CommandSpec, values: CommandSetting["values"]): Promise<string> {
	const result = await runProcess(resolveCommand(spec, setting(spec.base, values)));
	return result.startError?.message ?? result.stdout;
}

describe("a resolved command", () => {
	test("has absolute paths, resolved from its cwd first, then from the file that contains it", () => {
		const root = tempTree({ "evals/run.sh": "", "scripts/run.sh": "", "evals/tools/a.mjs": "" });
		const base = join(root, "evals");
		const argv = (text: string | string[], more?: Partial<CommandSpec>) =>
			resolveCommand(command(base, text, more), setting(base)).argv;
		expect(argv("node ./run.sh tools/a.mjs run.sh missing/x")).toEqual([
			...["node", join(base, "run.sh"), join(base, "tools/a.mjs"), "run.sh", "missing/x"],
		]);
		const cwd = { kind: "working-directory" as const, raw: "../scripts", at: { file: "x" }, base };
		expect(argv(["sh", "./run.sh", "tools/a.mjs"], { cwd })).toEqual([
			...["sh", join(root, "scripts/run.sh"), join(base, "tools/a.mjs")],
		]);
	});

	test("runs in its own working directory, else the default, else that of its file", () => {
		const root = tempTree({ "evals/sub/x": "", "ws/y": "" });
		const base = join(root, "evals");
		const cwdOf = (more: Partial<CommandSpec>, extra: Partial<CommandSetting> = {}) =>
			resolveCommand(command(base, "true", more), { ...setting(base), ...extra }).cwd;
		expect(cwdOf({})).toBe(base);
		expect(cwdOf({}, { defaultCwd: join(root, "ws") })).toBe(join(root, "ws"));
		const at = { file: "x" };
		expect(cwdOf({ cwd: { kind: "working-directory", raw: "sub", at, base } }, { defaultCwd: "/" })).toBe(
			join(base, "sub"),
		);
		const values = { workspace_path: join(root, "ws") };
		expect(cwdOf({ cwd: { kind: "working-directory", raw: "{{workspace_path}}/deep", at, base } }, { values })).toBe(
			join(root, "ws/deep"),
		);
	});

	test("finds files in a working directory that exists only during the run", () => {
		const root = tempTree({ "ws/check.sh": "" });
		const cwd = { kind: "working-directory" as const, raw: "{{ workspace_path }}", at: { file: "x" }, base: root };
		const spec = command(root, "sh ./check.sh", { cwd });
		expect(resolveCommand(spec, setting(root, { workspace_path: join(root, "ws") })).argv).toEqual([
			...["sh", join(root, "ws/check.sh")],
		]);
	});
});

describe("values in commands", () => {
	test("of a list are several arguments if it is a whole word, and one argument within a word", () => {
		const values = { FILES: ["a b", "c"], NONE: [], test_id: "t 1" };
		const resolved = resolveCommand(
			command("/", "run {FILES} {NONE} x={FILES} {{test_id}} {OTHER}"),
			setting("/", values),
		);
		expect(resolved.argv).toEqual(["run", "a b", "c", "x=a b c", "t 1", "{OTHER}"]);
	});

	test("are filled into thousands of long words and a long shell text within a second", () => {
		const words = Array.from({ length: 3000 }, () => `${"x".repeat(1000)}{X}{`);
		const started = cpuMs();
		const { argv } = resolveCommand(command("/", ["echo", ...words]), setting("/", { X: "y" }));
		expect(argv?.at(-1)).toBe(`${"x".repeat(1000)}y{`);
		const shell = `true; echo ${"a#".repeat(100_000)}`;
		expect(resolveCommand(command("/", shell), setting("/")).shell === shell).toBe(true);
		expect(cpuMs() - started).toBeLessThan(1000);
	});

	const places = [
		["bare", "printf '<%s>' {X}; true"],
		["within a word", "printf '<%s>' a{X}b | cat"],
		["in double quotes", "printf '<%s>' \"a{X}b\"; true"],
		["in single quotes", "printf '<%s>' 'a{X}b'; true"],
		["in a command substitution", "printf '<%s>' \"$(printf '%s.' {X})\"; true"],
		["in quotes within a substitution", "printf '<%s>' \"$(printf '%s.' \"{X}\" 'it'\\''s')\"; true"],
		["in a default", "printf '<%s>' \"${NOPE:-{X}}\"; true"],
		["after a comment with an apostrophe", "# don't\nprintf '<%s>' {X}"],
		["in a subshell", "(printf '<%s>' {X})"],
		["in the script of sh -c", ["sh", "-c", "printf '<%s>' {X}; true"]],
		["in the script of sh -ec", ["/bin/sh", "-ec", "printf '<%s>' \"{X}\" $1", "_", "more"]],
	] as const;

	test.each(places)("never become syntax: %s", async (_, text) => {
		const expected = async (value: string) => {
			const plain = await printed(command("/", text as string | string[]), { X: "VALUE" });
			return plain.replaceAll("VALUE", () => value);
		};
		const nasty = fc
			.array(fc.constantFrom(..."$`\"'\\;&|()<>*?#~! \t\n{}a-"), { maxLength: 12 })
			.map((parts) => parts.join(""));
		const samples = ["$(echo no)", "`echo no`", "'; echo no; '", '"; echo no; "', "${HOME}", "{X}", "-n", ""];
		await fc.assert(
			fc.asyncProperty(nasty, async (value) => {
				expect(await printed(command("/", text as string | string[]), { X: value })).toBe(await expected(value));
			}),
			{ numRuns: 6, examples: samples.map((sample): [string] => [sample]) },
		);
	});

	test("are expanded in here-documents if the shell would expand, and literal if the delimiter is quoted", async () => {
		const values = { X: "$(echo no) `x` \\ '\"" };
		expect(await printed(command("/", "cat <<END\nit's {X}\nEND\necho {X}"), values)).toBe(
			`it's ${values.X}\n${values.X}\n`,
		);
		expect(await printed(command("/", "cat <<'END'\n{X}\nEND\n"), values)).toBe(`${values.X}\n`);
		const ends = () => resolveCommand(command("/", "cat <<'END'\n{X}\nEND\n"), setting("/", { X: "a\nEND\nrm x" }));
		expect(ends).toThrow(/the end of its here-document/);
	});

	test("are quoted in words appended to a shell text", async () => {
		const resolved = resolveCommand(command("/", "true; printf '<%s>'"), {
			...setting("/"),
			extraWords: ["a'b", "$x"],
		});
		expect((await runProcess(resolved)).stdout).toBe("<a'b><$x>");
	});
});
