import { cpSync, existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { discoverEvals } from "../eval/discover-evals.ts";
import { openDiskView } from "../eval/source.ts";
import { validateEvals } from "./validate-evals.ts";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));
const corpus = process.env["AGENTV_CORPUS"] ?? resolve(checkout, "../shared/corpus");
const absent = !existsSync(corpus);
if (absent) console.log(`Skipped: there are no published evals at ${corpus} (set AGENTV_CORPUS).`);

describe.skipIf(absent)("published evals", () => {
	test.each([["committed"], ["outside any repository"]])("load or have findings with locations: %s", async (where) => {
		const root = tempTree();
		cpSync(corpus, root, { recursive: true });
		if (where === "committed") gitRepository(root).commit({});
		const view = openDiskView();
		const files = discoverEvals([root], root, view);
		expect(files.length).toBeGreaterThan(20);
		const seen: string[] = [];
		for await (const result of validateEvals(files, { view, env: gitTestEnvironment, cwd: root })) {
			seen.push(result.file);
			expect(result.root.startsWith(root), `portable root of ${result.file}`).toBe(true);
			const unplaced = result.diagnostics.filter(
				({ at, range }) => !existsSync(at.file) || range.start.line < 1 || range.start.column < 1,
			);
			expect([relative(root, result.file), unplaced]).toEqual([relative(root, result.file), []]);
		}
		expect(seen).toEqual(files);
	});
});
