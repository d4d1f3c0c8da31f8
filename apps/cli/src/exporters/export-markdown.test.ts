import { openRun } from "@agentv/core";
import { tempTree } from "@agentv/test-support";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { expect, test } from "vitest";
import { exportMarkdown } from "./export.ts";

/**
 * Builds a run of `count` failed tests with ten reasons each, in four-byte characters that need
 * escaping.
 */
function hostileRun(count: number) {
	const name = "| **x** </td> `\n# [y](z)\u001b[31m";
	const assertions = Array.from({ length: 10 }, (_, index) => {
		return { text: `${index} ${"😀*".repeat(400)}`, passed: false, evidence: `${name}${"|".repeat(400)}` };
	});
	const row = (index: number) => ({
		...{
			timestamp: "2026-01-01T00:00:00Z",
			test_id: `${name} ${index}`,
			eval: "a.eval.yaml",
			target: name,
			attempt: 1,
		},
		...{ score: 0.2, threshold: 0.8, execution_status: "quality_failure", duration_ms: 1, metadata: {} },
		scores: [{ name, type: "x", score: 0, weight: 1, verdict: "fail", assertions }],
	});
	const indexes = Array.from({ length: count }, (_, index) => index);
	return tempTree({
		"run.json": JSON.stringify({
			...{ format_version: 1, run_id: "r", experiment: name, started_at: "2026-01-01T00:00:00Z", agentv_version: "1" },
			...{ node_version: "v20", targets: [], flags: {} },
			evals: [{ file: "a.eval.yaml", path: "/a.eval.yaml", name, digest: "0" }],
			planned: indexes.map((index) => [0, `${name} ${index}`, name]),
		}),
		"index.jsonl": indexes.map((index) => `${JSON.stringify(row(index))}\n`).join(""),
	});
}

test("a summary of hostile texts keeps its structure and stays below GitHub's size limit", () => {
	const run = openRun(hostileRun(500));
	const markdown = [...exportMarkdown({ ...run, name: "a/`b`" })].join("");
	expect(Buffer.byteLength(markdown)).toBeLessThan(1_000_000);
	const html = micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
	const count = (tag: RegExp) => html.match(tag)?.length ?? 0;
	const told = Number(/…and (\d+) more\./.exec(html)?.[1]);
	expect(count(/<h[1-6]>/g)).toBe(2);
	expect(count(/<tr>/g)).toBe(2);
	expect(count(/<td/g)).toBe(7);
	expect(count(/<strong>/g)).toBe(1 + 500 - told);
	expect(count(/<(code|em|a|img|script)\b/g)).toBe(0);
	expect(html).not.toContain("\u001b");
});
