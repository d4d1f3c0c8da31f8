import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gitHttpServer, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { withLock } from "../machine/lock.ts";
import { lockDirectory } from "./benchmark-report.ts";
import type { SyncEvent } from "./make-plan.ts";
import { sync } from "./sync.ts";
import { benchmarkHome } from "./testing/benchmark-home.ts";

describe("concurrent syncs of one benchmark", () => {
	test("wait for each other, report that they wait, and then find it current", async () => {
		const home = benchmarkHome();
		home.register({});
		const [first, second] = await Promise.all([home.events(), home.events()]);
		const ends = [first, second].map((events) => {
			const end = events.at(-1);
			const outcome = end?.type === "outcome" ? end.results[0]?.outcome : undefined;
			return { outcome, waited: events.some(({ type }) => type === "waiting") };
		});
		expect(ends).toContainEqual({ outcome: "synced", waited: false });
		expect(ends).toContainEqual({ outcome: "current", waited: true });
		home.publish({ "a.txt": "2\n" });
		const outcomes = await Promise.all([home.sync(), home.sync(), home.sync()]);
		expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["current", "current", "synced"]);
	});

	test("share the lock if two entries have the same directory, even through a link", async () => {
		const home = benchmarkHome();
		mkdirSync(join(home.root, "real"));
		symlinkSync("real", join(home.root, "link"));
		const source = `\n    source: { url: "${home.url}" }\n`;
		home.register(
			{},
			`  - id: one\n    path: ${home.root}/real/clone${source}  - id: two\n    path: ${home.root}/link/clone${source}`,
		);
		const events = await home.events({ ids: ["one", "two"] });
		expect(events.filter(({ type }) => type === "waiting")).toHaveLength(1);
		expect(events.at(-1)).toMatchObject({ results: [{ outcome: "synced" }, { outcome: "current" }] });
	});

	test("report the first one if they may not wait", async () => {
		const home = benchmarkHome();
		home.register({});
		await withLock(
			home.clone,
			async () => {
				expect(await home.sync({ waitMs: 50 })).toMatchObject({
					outcome: "failed",
					message: expect.stringContaining("in use by process"),
				});
				expect(await home.status()).toMatchObject({ revision: { state: "missing" } });
			},
			{ lockDirectory: lockDirectory(home.env) },
		);
	});
});

describe("syncing several benchmarks", () => {
	test("continues with the others if one fails", async () => {
		const home = benchmarkHome();
		const entry = (id: string, url: string) =>
			`  - id: ${id}\n    path: ${home.root}/${id}\n    source: { url: "${url}" }\n`;
		home.register(
			{},
			entry("broken", `file://${home.root}/none`) + entry("c", home.url) + entry("unset", "https://${{ NOT_SET }}/x"),
		);
		const events = await home.events({ ids: [], concurrency: 2 });
		expect(events.at(-1)).toMatchObject({
			type: "outcome",
			interrupted: false,
			results: [
				{ id: "b", outcome: "synced" },
				{ id: "broken", outcome: "refused" },
				{ id: "c", outcome: "synced" },
				{ id: "unset", outcome: "refused", message: expect.stringContaining("NOT_SET is not set") },
			],
		});
	});

	test("reports progress in git's phases, in order", async () => {
		const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}.txt`, `${index}\n`]));
		const home = benchmarkHome(many);
		const server = await gitHttpServer(join(home.root, "served"));
		home.register({ url: `${server.url}/repo.git` });
		const events = await home.events();
		const kinds = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
		expect(kinds).toEqual(["started", "planned", "progress", "finished", "outcome"]);
		const phases = events.flatMap((event) => (event.type === "progress" ? [`${event.phase} ${event.percent}`] : []));
		expect(phases).toContain("Receiving objects 100");
	});

	test("is an error before any change if an id is unknown", async () => {
		const home = benchmarkHome();
		home.register({});
		await expect(home.sync({ ids: ["b", "none"] })).rejects.toMatchObject({ code: "not-found", hint: "Known: b." });
		expect(existsSync(home.clone)).toBe(false);
	});
});

describe("an interrupted sync", () => {
	test("leaves no partial clone behind, and the next sync succeeds", async () => {
		const home = benchmarkHome();
		const server = await gitHttpServer(join(home.root, "served"), { stall: "body" });
		home.register({ url: `${server.url}/repo.git` });
		const controller = new AbortController();
		const running = home.events({ signal: controller.signal });
		await waitUntil(() => server.requests.length > 0);
		controller.abort();
		expect((await running).at(-1)).toMatchObject({
			type: "outcome",
			interrupted: true,
			results: [{ outcome: "failed", message: expect.stringContaining("interrupted") }],
		});
		expect(readdirSync(home.root).sort()).toEqual(["home", "served", "work"]);
		expect(await home.status({ offline: true })).toMatchObject({ lastSync: { status: "failed" } });
		server.behaviour.stall = false;
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
	});

	test("also ends if the caller leaves the loop of events", async () => {
		const home = benchmarkHome();
		const server = await gitHttpServer(join(home.root, "served"), { stall: true });
		home.register({ url: `${server.url}/repo.git` });
		const seen: SyncEvent[] = [];
		for await (const event of sync({ env: home.env, ids: ["b"] })) {
			seen.push(event);
			break;
		}
		expect(seen).toEqual([{ type: "started", id: "b" }]);
		server.behaviour.stall = false;
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
	});
});

test("a sync changes only the clone, not the repositories of an eval", async () => {
	const eval_ =
		"workspace: { repos: [{ path: ./app, repo: acme/app, commit: main }] }\ntests: [{ id: a, input: a, criteria: a }]\n";
	const home = benchmarkHome({ "x.eval.yaml": eval_ });
	home.register({});
	await home.sync();
	home.publish({ "x.eval.yaml": eval_.replace("main", "other") });
	expect(await home.sync()).toMatchObject({ outcome: "synced" });
	expect(readdirSync(join(home.root, "home/.agentv")).sort()).toEqual(["benchmarks.yaml", "state"]);
	expect(readdirSync(home.clone).sort()).toEqual([".git", "x.eval.yaml"]);
});
