import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { commandsPage } from "./docs/commands-page.ts";
import { unknownName } from "./docs/known-names.ts";
import { linkProblem, pagePaths, readPage, root } from "./docs/markdown-page.ts";
import { commandsOf } from "./docs/page-commands.ts";
import { pageSandbox, surpriseOf } from "./docs/page-sandbox.ts";
import { fieldsOf, kindOf, loadingProblems, schemaOf, schemaProblems } from "./docs/page-yaml.ts";

const pages = pagePaths.map(readPage);

/** Pages that start in an empty directory; the others start with the files of `agentv init`. */
const fromNothing = ["README.md", "docs/getting-started.md"];

describe.each(pages.map((page) => [page.path, page] as const))("%s", (path, page) => {
	const typed = commandsOf(page);
	const shown = (language: string) => page.blocks.filter((block) => block.language === language);

	/** Omits the test, instead of skipping it, for a page without such content. */
	const where = (has: boolean) => (has ? it : () => undefined);

	where(typed.length > 0)("shows commands that exit as documented", async () => {
		const starter = tempTree();
		expect((await agentv(["init"], { cwd: starter })).exitCode).toBe(0);
		const sandbox = await pageSandbox(page, { starter, fromNothing: fromNothing.includes(path) });
		const surprises: string[] = [];
		for (const command of typed) {
			const surprise = await surpriseOf(command, sandbox);
			if (surprise !== undefined) surprises.push(`${path}:${surprise}`);
		}
		expect(surprises.join("\n\n")).toBe("");
	});

	it("has no broken links", () => {
		const dead = page.links.flatMap(({ text, line }) => {
			const problem = linkProblem(page, text);
			return problem ? [`${path}:${line}: ${text}: ${problem}`] : [];
		});
		expect(dead).toEqual([]);
	});

	it("names only existing commands, options and files", () => {
		const wrong = [...page.codes, ...shellWords()].flatMap(({ text, line }) => {
			const problem = unknownName(text);
			return problem ? [`${path}:${line}: \`${text}\`: ${problem}`] : [];
		});
		expect(wrong).toEqual([]);
	});

	/** Returns the commands in YAML, such as in workflows, which these tests don't run. */
	function shellWords() {
		return shown("yaml").flatMap(({ text, line }) =>
			text.split("\n").flatMap((row, index) => {
				const commands = row.replace(/\s#.*$/, "").matchAll(/(?<![\w/-])agentv [^"|&;>]+/g);
				return [...commands].map(([command]) => ({ text: command, line: line + index }));
			}),
		);
	}

	const yamlBlocks = path === "docs/validation-rules.md" ? [] : shown("yaml");
	where(yamlBlocks.length > 0)("shows YAML that is what it says", () => {
		const directory = tempTree();
		const wrong = yamlBlocks.flatMap((block, index) => {
			const at = `${path}:${block.line}`;
			const known = kindOf(block);
			if (!known) return [`${at}: unknown kind of document`];
			const problems = schemaProblems(known.kind, known.value);
			if (known.kind === "eval") {
				const file = join(directory, `${index}.eval.yaml`);
				const test = { id: "one", input: "Hello", criteria: "It greets." };
				writeFileSync(file, stringify({ tests: [test], ...(known.value as object) }));
				problems.push(...loadingProblems(file, directory));
			}
			return problems.map((problem) => `${at}: ${problem}`);
		});
		expect(wrong).toEqual([]);
	});

	const targets = page.codes.filter(({ text }) => /^\{name: .*provider: /.test(text));
	where(targets.length > 0)("shows targets that are of their provider's form", () => {
		const wrong = targets.flatMap(({ text, line }) =>
			schemaProblems("targets", { targets: [parse(text)] }).map((problem) => `${path}:${line}: ${problem}`),
		);
		expect(wrong).toEqual([]);
	});

	const lines = [...shown("json"), ...shown("jsonl")];
	where(lines.length > 0)("shows JSON that parses", () => {
		for (const { text, language } of lines)
			for (const json of language === "json" ? [text] : text.split("\n"))
				expect(() => JSON.parse(json), json).not.toThrow();
	});
});

describe("the documentation", () => {
	it("lists every command and option (AGENTV_UPDATE_DOCS=1 writes the page)", () => {
		const file = join(root, "docs/commands.md");
		if (process.env.AGENTV_UPDATE_DOCS) writeFileSync(file, commandsPage());
		expect(readFileSync(file, "utf8")).toBe(commandsPage());
	});

	it.each([
		["docs/evals.md", "eval"],
		["docs/targets.md", "targets"],
		["docs/benchmarks.md", "benchmarks"],
		["docs/bundle.md", "manifest"],
		["docs/results.md", "results"],
	])("%s names every field of its format", (path, format) => {
		const page = readPage(path);
		const named = [...page.codes, ...page.blocks].map(({ text }) => text).join("\n");
		const missing = [...fieldsOf(schemaOf(format))].filter(
			(field) => !new RegExp(`(?<![\\w$])${field.replace("$", "\\$")}(?!\\w)`).test(named),
		);
		expect(missing).toEqual([]);
	});

	it("never tells users to install from a registry", () => {
		for (const { path } of pages) {
			const text = readFileSync(join(root, path), "utf8");
			expect(text, path).not.toMatch(/(npm (i|install|exec)( -g)?|npx|pnpm (add|dlx)|yarn (add|dlx)) (agentv|@agentv)/);
		}
	});

	it("has every page linked from the README or the index", () => {
		const linked = new Set(
			["README.md", "docs/README.md"].flatMap((path) =>
				readPage(path).links.map(({ text }) => join(path, "..", text.split("#")[0] ?? "")),
			),
		);
		expect(pagePaths.filter((path) => path !== "README.md" && !linked.has(path))).toEqual([]);
	});
});
