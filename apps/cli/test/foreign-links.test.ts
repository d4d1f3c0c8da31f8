import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { agentv, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const targets = "targets:\n  - { name: default, provider: mock, response: hi }\n";
const sound = "tests:\n  - { id: a, input: hi, assertions: [{ type: contains, value: hi }] }\n";
/** Invalid YAML, and YAML with unknown keys. */
const foreign = ["machine x login bob\n  : [hunter-words\n", "hunter-words: { password: hunter-words }\n"];

const places: Readonly<Record<string, { readonly link: string; readonly files: Readonly<Record<string, string>> }>> = {
	"an eval": { link: "evals/x.eval.yaml", files: {} },
	"a targets file": { link: "evals/targets.yaml", files: { "evals/x.eval.yaml": sound } },
	"the project's settings": { link: ".agentv/config.yaml", files: { "evals/x.eval.yaml": sound } },
	"a file of tests": { link: "evals/cases.yaml", files: { "evals/x.eval.yaml": "tests: ./cases.yaml\n" } },
	"rows of tests": { link: "evals/cases.jsonl", files: { "evals/x.eval.yaml": "tests: ./cases.jsonl\n" } },
	"a prompt file": {
		link: "evals/judge.md",
		files: { "evals/x.eval.yaml": sound.replace("contains, value: hi", "llm-grader, prompt: file://judge.md") },
	},
	"an imported suite": {
		link: "evals/suite.yaml",
		files: { "evals/x.eval.yaml": `imports: { suites: [./suite.yaml] }\n${sound}` },
	},
};

/** Creates a tree with a link to a file of the user outside of it. */
function linked(place: string, content: string, isRepository: boolean): string {
	const { link, files } = places[place] ?? { link: "", files: {} };
	const out = join(tempTree({ secret: content }), "secret");
	const cwd = tempTree(link.endsWith("targets.yaml") ? files : { "evals/targets.yaml": targets, ...files });
	if (isRepository) gitRepository(cwd, {});
	mkdirSync(join(cwd, dirname(link)), { recursive: true });
	symlinkSync(out, join(cwd, link));
	return cwd;
}

describe.each(Object.keys(places))("%s that is a link to a file outside the eval's root", (place) => {
	test.each([true, false])(
		"is refused and never quoted (in a repository: %s)",
		{ timeout: 120_000 },
		async (isRepository) => {
			const cwd = linked(place, foreign[isRepository ? 0 : 1] ?? "", isRepository);
			for (const command of ["validate", "run"]) {
				const { stdout, stderr, exitCode } = await agentv(["eval", command, "."], { cwd });
				const said = stdout + stderr;
				expect(said).not.toContain("hunter-words");
				// A run doesn't read the settings for validation.
				if (place === "the project's settings" && command === "run") continue;
				expect(exitCode, said).not.toBe(0);
				expect(said).toMatch(/path\.(outside-repo|symlink-escape)/);
			}
		},
	);
});

test("an eval that is a link is run if the user named it, but not if it belongs to a bundle", {
	timeout: 60_000,
}, async () => {
	const shared = join(tempTree({ "real.yaml": sound }), "real.yaml");
	const cwd = tempTree({
		"targets.yaml": targets,
		"b/manifest.json": "{",
		"b/eval.yaml": sound,
		"b/targets.yaml": targets,
	});
	symlinkSync(shared, join(cwd, "my.eval.yaml"));
	symlinkSync(shared, join(cwd, "b/other.yaml"));
	expect(await agentv(["eval", "validate", "my.eval.yaml"], { cwd })).toMatchObject({ exitCode: 0 });
	expect(await agentv(["eval", "run", "my.eval.yaml", "--output", "r"], { cwd })).toMatchObject({ exitCode: 0 });
	const allowed = ["eval", "run", ".", "--output", "r2", "--allow-outside", shared];
	const found = await agentv(allowed.slice(0, 5), { cwd });
	expect(found).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("path.outside-repo") });
	const inside = await agentv(["eval", "run", "b/other.yaml", "--output", "r3"], { cwd });
	expect(inside).toMatchObject({ exitCode: 2 });
	expect((await agentv(["eval", "run", "my.eval.yaml", ...allowed.slice(3)], { cwd })).exitCode).toBe(0);
});
