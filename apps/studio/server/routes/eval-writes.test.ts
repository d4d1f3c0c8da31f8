import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyBundle } from "@agentv/core";
import { gitRepository } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import type { BundleAnswer, BundleEvent } from "../bundles.ts";
import type { EvalAnswer, EvalListAnswer } from "../describe-eval.ts";
import type { FixAnswer, FixPreviewAnswer } from "../plans.ts";
import { type TestStudio, testStudio } from "../testing/test-studio.ts";

const evalText = `# kept as it is
name: sums
target: quick
tests:
  - {id: a, input: hi, expected_output: hi}
`;

/** Creates a repository whose eval uses a target of the parent directory. */
function withInheritedTarget() {
	const studio = testStudio({});
	gitRepository(join(studio.root, "cwd"), {
		"evals/a.eval.yaml": evalText,
		"targets.yaml": "targets:\n  - {name: quick, provider: mock, response: hi}\n",
	});
	return studio;
}

async function onlyEval(studio: TestStudio): Promise<string> {
	const [entry] = (await studio.json<EvalListAnswer>("/api/evals")).items;
	if (!entry) throw new Error("there is no eval");
	return entry.id;
}

describe("fixing", () => {
	it("previews the diff, writes the reviewed fixes, and leaves nothing to fix", async () => {
		const studio = withInheritedTarget();
		const id = await onlyEval(studio);
		const before = await studio.json<EvalAnswer>(`/api/evals/${id}`);
		expect(before.findings).toContainEqual(expect.objectContaining({ rule: "targets.not-local", fixable: true }));
		const preview = await studio.json<FixPreviewAnswer>(`/api/evals/${id}/fix/preview`, { body: {} });
		expect(preview.files).toEqual([
			{ file: "evals/targets.yaml", created: true, diff: expect.stringContaining("+++ b/evals/targets.yaml") },
		]);
		expect(preview.changes[0]).toMatchObject({ rule: "targets.not-local" });
		expect(existsSync(join(studio.root, "cwd/evals/targets.yaml"))).toBe(false);
		const fixed = await studio.json<FixAnswer>(`/api/evals/${id}/fix`, { body: { digest: preview.digest } });
		expect(fixed).toMatchObject({ files: ["evals/targets.yaml"], fixed: 1, errors: 0 });
		expect(readFileSync(join(studio.root, "cwd/evals/a.eval.yaml"), "utf8")).toBe(evalText);
		const after = await studio.json<EvalAnswer>(`/api/evals/${id}`);
		expect(after.findings.map(({ rule }) => rule)).not.toContain("targets.not-local");
	});

	it("writes nothing if the eval has changed or the fixes were not reviewed", async () => {
		const studio = withInheritedTarget();
		const id = await onlyEval(studio);
		const { digest } = await studio.json<FixPreviewAnswer>(`/api/evals/${id}/fix/preview`, { body: {} });
		studio.write({ "cwd/targets.yaml": "targets:\n  - {name: quick, provider: mock, response: other}\n" });
		const answer = await studio.request(`/api/evals/${id}/fix`, { body: { digest } });
		expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining("has changed")]);
		expect((await studio.request(`/api/evals/${id}/fix`, { body: {} })).status).toBe(400);
		expect(existsSync(join(studio.root, "cwd/evals/targets.yaml"))).toBe(false);
	});
});

describe("bundling", () => {
	it("reports progress and the bundle's directory, and lists the bundle", async () => {
		const studio = withInheritedTarget();
		const id = await onlyEval(studio);
		const { job } = await studio.json<{ job: string }>(`/api/evals/${id}/bundle`, { body: { name: "mine" } });
		const events = (await studio.events(`/api/jobs/${job}/events`)) as BundleEvent[];
		const directory = join(studio.root, "home/bundles/mine");
		expect(events.at(-2)).toMatchObject({ type: "outcome", bundle: "mine", directory, required: [] });
		expect(existsSync(join(directory, "manifest.json"))).toBe(true);
		const { bundles } = await studio.json<{ bundles: BundleAnswer[] }>("/api/bundles");
		expect(bundles).toEqual([expect.objectContaining({ id: "mine", directory, eval: "evals/a.eval.yaml" })]);
		expect((await studio.request("/api/bundles/mine")).status).toBe(200);
	});

	it("sends a bundle as an archive that passes verification after unpacking", async () => {
		const studio = withInheritedTarget();
		const body = { name: "mine" };
		const { job } = await studio.json<{ job: string }>(`/api/evals/${await onlyEval(studio)}/bundle`, { body });
		await studio.events(`/api/jobs/${job}/events`);
		const answer = await studio.request("/api/bundles/mine/archive?format=tgz");
		expect(answer.headers.get("content-disposition")).toBe('attachment; filename="mine.tgz"');
		const bytes = Buffer.from(await answer.arrayBuffer());
		expect(bytes.length).toBe(Number(answer.headers.get("content-length")));
		studio.write({ "elsewhere/mine.tgz": bytes });
		execFileSync("tar", ["-xzf", "mine.tgz"], { cwd: join(studio.root, "elsewhere") });
		expect(await verifyBundle(join(studio.root, "elsewhere/mine"))).toMatchObject({ ok: true, problems: [] });
		const zip = await studio.request("/api/bundles/mine/archive?format=zip");
		expect(
			Buffer.from(await zip.arrayBuffer())
				.subarray(0, 2)
				.toString(),
		).toBe("PK");
		for (const path of ["mine/archive?format=rar", "..%2Fmine/archive", "none/archive"])
			expect([400, 404]).toContain((await studio.request(`/api/bundles/${path}`)).status);
	});

	it("fails with a message if a reference is missing", async () => {
		const studio = testStudio({ "cwd/a.eval.yaml": `${evalText}workspace: ./gone/\n` });
		const { job } = await studio.json<{ job: string }>(`/api/evals/${await onlyEval(studio)}/bundle`, { body: {} });
		const events = await studio.events(`/api/jobs/${job}/events`);
		expect(events.at(-1)).toMatchObject({ job: { state: "failed", error: { message: expect.any(String) } } });
		expect(existsSync(join(studio.root, "home/bundles"))).toBe(false);
	});

	it.each([{ name: "../up" }, { name: ".hidden" }, { name: "A b" }, { include: "x" }, { allow_secrets: ["zz"] }])(
		"refuses %j",
		async (body) => {
			const studio = withInheritedTarget();
			expect((await studio.request(`/api/evals/${await onlyEval(studio)}/bundle`, { body })).status).toBe(400);
		},
	);

	it.each(["none", "..", "..%2F..", ".tmp"])("returns 404 for the bundle %s", async (id) => {
		const studio = testStudio({ "home/bundles/.tmp/manifest.json": "{}", "home/manifest.json": "{}" });
		expect((await studio.request(`/api/bundles/${id}`)).status).toBe(404);
	});
});

it("a read-only Studio can't fix or bundle", async () => {
	const studio = testStudio({ "cwd/a.eval.yaml": evalText }, { readOnly: true });
	const id = await onlyEval(studio);
	for (const path of ["fix/preview", "fix", "bundle"])
		expect((await studio.request(`/api/evals/${id}/${path}`, { body: {} })).status, path).toBe(404);
});

it("writes to an unknown eval return 404", async () => {
	const studio = testStudio();
	for (const path of ["fix/preview", "bundle", "run"])
		expect((await studio.request(`/api/evals/_~none-1/${path}`, { body: {} })).status, path).toBe(404);
});
