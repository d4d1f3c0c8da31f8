import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, gitTestEnvironment, law, tempTree, writeTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDiskView } from "../../eval/source.ts";
import { validationRun } from "../eval-context.ts";
import type { FixWhen } from "../rule.ts";
import { commonFiles, type FixableTree, fixableTree } from "../testing/fixable-tree.ts";
import { applyFixes, meaningOf, planFixes } from "./plan-fixes.ts";

const evals = ["a/evals/eval.yaml", "a/evals/other.eval.yaml"];

test("fixing keeps the meaning of evals and every comment, and leaves nothing to fix", async () => {
	const root = tempTree();
	gitRepository(root, commonFiles);
	let [fixed, written] = [0, 0];
	await fc.assert(
		fc.asyncProperty(fixableTree, async (tree) => {
			writeTree(root, placed(tree, root));
			const files = evals.map((file) => join(root, file)).filter((file) => existsSync(file));
			// A view reads each file only once, so each read of a changed disk needs its own view.
			const machine = () => ({ view: openDiskView(), env: gitTestEnvironment, cwd: root });
			const meanings = () => files.map((file) => meaningOf(file, validationRun(machine()), {}));
			const options = () => ({ ...machine(), modes: new Set<FixWhen>(["fix"]) });
			const texts = () => Object.keys(tree).map((file) => textOf(join(root, file)));

			const [before, textsBefore] = [meanings(), texts()];
			const plan = await planFixes(files, options());
			expect(texts()).toEqual(textsBefore);
			applyFixes(plan, options());
			expect(meanings()).toEqual(before);
			for (const [index, text] of texts().entries())
				expect(commentsOf(text)).toEqual(expect.arrayContaining(commentsOf(textsBefore[index])));

			const again = await planFixes(files, options());
			expect(again.files).toEqual([]);
			expect(again.fixed.size).toBe(0);
			fixed += [...plan.fixed.values()].flat().length;
			written += plan.files.length;
		}),
		law(100),
	);
	console.log(`${fixed} findings were fixed in ${written} files.`);
	expect(fixed).toBeGreaterThan(0);
}, 600_000);

function placed(tree: FixableTree, root: string) {
	return Object.fromEntries(Object.entries(tree).map(([path, text]) => [path, text?.replaceAll("ROOT", root) ?? null]));
}

function textOf(file: string): string | undefined {
	return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function commentsOf(text = ""): string[] {
	return text.match(/# .*/g) ?? [];
}
