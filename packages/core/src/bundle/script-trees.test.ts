import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { law, writeTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { makeBundle } from "./testing/make-bundle.ts";

const folders = ["", "graders", "graders/deep", "lib", "../shared", "../shared/x", "scripts", "data"];

/**
 * Generates modules in several folders that import each other by relative paths; some are graders.
 */
const scriptTree = fc
	.record({
		homes: fc.array(fc.nat(folders.length - 1), { minLength: 1, maxLength: 9 }),
		edges: fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 16 }),
		graders: fc.array(fc.tuple(fc.nat(8), fc.constantFrom("list", "string", "cwd", "bare", "included")), {
			minLength: 1,
			maxLength: 4,
		}),
	})
	.map(({ homes, edges, graders }) => {
		const count = homes.length;
		const place = (index: number) => join(folders[homes[index] ?? 0] ?? "", `m${index}.mjs`);
		const imports = Array.from({ length: count }, () => new Set<number>());
		for (const [from, to] of edges) imports[from % count]?.add(to % count);
		return { count, place, imports, graders: graders.map(([index, how]) => ({ index: index % count, how })) };
	});

function grader(path: string, how: string): { entry: unknown; file?: [string, string] } {
	const name = path.slice(path.lastIndexOf("/") + 1);
	const written = path.startsWith("../") ? path : `./${path}`;
	if (how === "string") return { entry: { type: "code-grader", command: `node ${written}` } };
	if (how === "cwd") return { entry: { type: "code-grader", command: ["node", `./${name}`], cwd: dirname(written) } };
	if (how === "bare") return { entry: { type: "code-grader", command: ["node", name], cwd: dirname(written) } };
	if (how === "included") {
		const file = `included/${name}.yaml`;
		const command = ["node", relative("/repo/evals/included", join("/repo/evals", path))];
		return { entry: { include: `./${file}` }, file: [file, JSON.stringify([{ type: "code-grader", command }])] };
	}
	return { entry: { type: "code-grader", command: ["node", written] } };
}

test("each script of a bundle loads the same files as in the source", async () => {
	await fc.assert(
		fc.asyncProperty(scriptTree, async ({ count, place, imports, graders }) => {
			const root = realpathSync(mkdtempSync(join(tmpdir(), "agentv-trees-")));
			try {
				const made = graders.map(({ index, how }) => grader(place(index), how));
				const modules = Array.from({ length: count }, (_, index) => {
					const lines = [...(imports[index] ?? [])].map((to) => {
						const path = relative(dirname(join("/repo/evals", place(index))), join("/repo/evals", place(to)));
						return `import ${JSON.stringify(path.startsWith(".") ? path : `./${path}`)};`;
					});
					return [place(index), `${lines.join("\n")}\n(globalThis.loaded ??= []).push(${index});\n`];
				});
				writeTree(join(root, "repo/evals"), {
					...Object.fromEntries(modules),
					...Object.fromEntries(made.flatMap(({ file }) => (file ? [file] : []))),
					"e.eval.yaml": JSON.stringify({
						target: { name: "m", provider: "mock" },
						tests: [{ id: "a", input: "hi", assertions: made.map(({ entry }) => entry) }],
					}),
				});
				writeTree(join(root, "repo"), { ".git/HEAD": "ref: refs/heads/main\n" });
				const { output, read } = await makeBundle(join(root, "repo/evals/e.eval.yaml"), { output: join(root, "out") });
				const assertions = parse(read("eval.yaml")).tests[0].assertions;
				renameSync(join(root, "repo"), join(root, "gone"));
				for (const [position, { index }] of graders.entries()) {
					const { command, cwd } = assertions[position];
					const word = (typeof command === "string" ? command.split(" ") : command)[1];
					const loaded = (script: string) =>
						execFileSync(
							process.execPath,
							["-e", `import(${JSON.stringify(script)}).then(() => console.log(JSON.stringify(loaded)))`],
							{ encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
						);
					expect(loaded(join(output, cwd ?? "", word))).toBe(loaded(join(root, "gone/evals", place(index))));
				}
			} finally {
				rmSync(root, { recursive: true, force: true });
			}
		}),
		law(100),
	);
}, 600_000);
