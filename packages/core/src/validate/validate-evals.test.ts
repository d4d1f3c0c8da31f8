import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { openDiskView } from "../eval/source.ts";
import { validateEvals } from "./validate-evals.ts";

const env = { PATH: process.env.PATH, HOME: "/nonexistent" };

async function validate(root: string, ...files: string[]) {
	const results = [];
	const options = { view: openDiskView(), env, cwd: root };
	for await (const result of validateEvals(
		files.map((file) => join(root, file)),
		options,
	))
		results.push(result);
	return results;
}

describe("validateEvals", () => {
	it("finds nothing in an eval that contains all it needs", async () => {
		const root = tempTree();
		gitRepository(root, {
			"evals/eval.yaml": "target: local\ntests: ./cases.jsonl\n",
			"evals/cases.jsonl": '{"id":"a","input":"hi","criteria":"greets"}\n',
			"evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n",
		});
		const [result] = await validate(root, "evals/eval.yaml");
		expect(result?.diagnostics).toEqual([]);
		expect(result).toMatchObject({ root: join(root, "evals"), tests: 1 });
		expect(
			result?.checks.filter(({ notable }) => notable).map(({ message }) => message.replace(/[0-9a-f]{7}\b/, "…")),
		).toEqual([
			"All test data paths resolve (tests: ./cases.jsonl)",
			"Targets are defined next to the eval (local)",
			"Git repo detected (commit: …)",
		]);
	});

	it("locates each finding in its file, the eval's own first", async () => {
		const root = tempTree({
			"targets.yaml": "targets:\n  - name: claude\n    provider: mock\n    response: ${{ ANSWER }}\n",
			"evals/eval.yaml": "name: my-eval\ntarget: claude\ntests: ./cases.jsonl\n",
		});
		const [result] = await validate(root, "evals/eval.yaml");
		const seen = result?.diagnostics.map(
			({ rule, range, at }) => `${rule} ${at.file.slice(root.length)}:${range.start.line}:${range.start.column}`,
		);
		expect(seen).toEqual([
			"git.no-repo /evals/eval.yaml:1:1",
			"targets.not-local /evals/eval.yaml:2:9",
			"path.missing /evals/eval.yaml:3:8",
			"env.undocumented /targets.yaml:4:15",
		]);
	});
});
