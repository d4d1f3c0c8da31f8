import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SyncEvent, SyncPlan } from "@agentv/core";
import { gitHttpServer, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import type { BenchmarkAnswer, BenchmarkMarkEvent } from "../describe-benchmark.ts";
import { type TestStudio, testStudio } from "../testing/test-studio.ts";

const evalText = (id: string) => `target: quick
hooks: {before_each: {command: [node, hook.mjs]}}
tests:
  - {id: ${id}, input: hi, expected_output: hi}
`;

/** Creates a Studio with the git-backed benchmark `team`, whose repository can get new commits. */
function withUpstream(url?: (bare: string) => string) {
	const work = tempTree();
	const upstream = gitRepository(join(work, "upstream"), { "a.eval.yaml": evalText("a"), "hook.mjs": "" });
	const bare = upstream.pushTo(join(work, "upstream.git"));
	const entry = `{id: team, path: clones/team, source: {url: "${url?.(bare) ?? bare}", ref: main}}`;
	const local = "{id: local, path: ../local}";
	const studio = testStudio({
		"home/benchmarks.yaml": `benchmarks:\n  - ${entry}\n  - ${local}\n`,
		"local/b.eval.yaml": evalText("b"),
	});
	return { studio, upstream, bare };
}

async function job<Event>(studio: TestStudio, path: string, body: unknown = {}) {
	const answer = await studio.request(path, { body });
	expect(answer.status).toBe(202);
	const { job: id } = (await answer.json()) as { job: string };
	const events = await studio.events(`/api/jobs/${id}/events`);
	return { id, events: events.slice(0, -1) as Event[], end: events.at(-1) };
}

const marksOf = async (studio: TestStudio) =>
	(await studio.events("/api/benchmarks/marks")).flatMap((event) => {
		const { type, ...rest } = event as BenchmarkMarkEvent;
		return type === "marks" && "marks" in rest ? [rest.marks] : [];
	});

describe("a git-backed benchmark", () => {
	it("is synced by a job whose events end with the result, which the benchmark then shows", async () => {
		const { studio, upstream } = withUpstream();
		expect((await marksOf(studio)).map(({ id, revision, evals }) => [id, revision.state, evals])).toEqual([
			["team", "missing", 0],
			["local", "local", 1],
		]);
		const { events, end } = await job<SyncEvent>(studio, "/api/benchmarks/team/sync");
		expect(events[0]).toEqual({ type: "started", id: "team" });
		const head = upstream.git("rev-parse", "HEAD");
		expect(events.at(-1)).toMatchObject({
			type: "outcome",
			interrupted: false,
			results: [{ id: "team", outcome: "synced", from: null, to: head }],
		});
		expect(end).toMatchObject({ type: "job", job: { kind: "sync", key: "team", state: "done" } });
		expect(existsSync(join(studio.root, "home/clones/team/a.eval.yaml"))).toBe(true);
		const { benchmark } = await studio.json<{ benchmark: BenchmarkAnswer }>("/api/benchmarks/team");
		expect(benchmark).toMatchObject({ last_sync: { status: "succeeded", from: null, to: head }, job: null });
		const [team] = await marksOf(studio);
		expect(team).toMatchObject({ evals: 1, revision: { sha: head, subject: "first" }, work_tree: { state: "clean" } });
	});

	it("with new commits is behind, and its plan names the affected evals, tests and hooks", async () => {
		const { studio, upstream, bare } = withUpstream();
		await job(studio, "/api/benchmarks/team/sync");
		upstream.commit({ "a.eval.yaml": evalText("renamed"), "hook.mjs": "// changed\n", "new.txt": "" });
		upstream.pushTo(bare);
		const status = await job<BenchmarkMarkEvent>(studio, "/api/benchmarks/team/status");
		expect(status.events).toEqual([
			{ type: "marks", marks: expect.objectContaining({ revision: expect.objectContaining({ state: "behind" }) }) },
		]);
		const plan = await studio.json<SyncPlan>("/api/benchmarks/team/plan");
		expect(plan).toMatchObject({
			action: "update",
			changes: { commits: 1, added: ["new.txt"], removed: [] },
		});
		expect(plan.changes?.changed).toHaveLength(2);
		expect(plan.changes?.evals.map(({ file }) => file)).toEqual(["a.eval.yaml"]);
		const { events } = await job<SyncEvent>(studio, "/api/benchmarks/sync");
		expect(events.at(-1)).toMatchObject({ results: [{ id: "team", outcome: "synced" }] });
	});

	it("with local changes refuses to sync and reports why", async () => {
		const { studio, upstream, bare } = withUpstream();
		await job(studio, "/api/benchmarks/team/sync");
		studio.write({ "home/clones/team/a.eval.yaml": "# mine\n" });
		upstream.commit({ "a.eval.yaml": evalText("theirs") });
		upstream.pushTo(bare);
		const { events, end } = await job<SyncEvent>(studio, "/api/benchmarks/team/sync");
		expect(events.at(-1)).toMatchObject({
			results: [{ outcome: "refused", message: expect.stringContaining("a.eval.yaml") }],
		});
		expect(end).toMatchObject({ job: { state: "done" } });
	});
});

describe("a running sync", () => {
	it("blocks another sync and the removal of its benchmark, and can be cancelled", async () => {
		const server = await gitHttpServer(tempTree(), { stall: true });
		const { studio } = withUpstream(() => `${server.url}/x.git`);
		const first = (await (await studio.request("/api/benchmarks/team/sync", { body: {} })).json()) as { job: string };
		const second = await studio.request("/api/benchmarks/team/sync", { body: {} });
		expect(second.status).toBe(409);
		expect(await second.json()).toMatchObject({ error: { code: "refused", details: { job: first.job } } });
		expect((await studio.request("/api/benchmarks/sync", { body: {} })).status).toBe(409);
		const remove = await studio.request("/api/benchmarks/team", { method: "DELETE", body: {} });
		expect(remove.status).toBe(409);
		// The list is returned immediately, even if the remote does not respond.
		const { items } = await studio.json<{ items: BenchmarkAnswer[] }>("/api/benchmarks");
		expect(items[0]).toMatchObject({ id: "team", job: first.job });
		await studio.json(`/api/jobs/${first.job}/cancel`, { body: {} });
		const events = await studio.events(`/api/jobs/${first.job}/events`);
		expect(events.at(-1)).toMatchObject({ type: "job", job: { state: "cancelled" } });
	});
});

it("a local benchmark can't be synced", async () => {
	const { studio } = withUpstream();
	const answer = await studio.request("/api/benchmarks/local/sync", { body: {} });
	expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining("which can't be synced")]);
});

it("a read-only Studio has no routes that change benchmarks", async () => {
	const studio = testStudio({ "home/benchmarks.yaml": "benchmarks: [{id: a, path: .}]\n" }, { readOnly: true });
	for (const path of ["", "/sync", "/status", "/a/sync", "/a/status"])
		expect((await studio.request(`/api/benchmarks${path}`, { body: {} })).status, path).toBe(404);
	expect((await studio.request("/api/benchmarks/a", { method: "DELETE", body: {} })).status).toBe(404);
});
