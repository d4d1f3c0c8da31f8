import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BenchmarkAnswer } from "../describe-benchmark.ts";
import { testStudio } from "../testing/test-studio.ts";
import type { BenchmarkListAnswer } from "./benchmarks.ts";

const registry = `# ours
benchmarks:
  - {id: team, name: The team's, path: ../team}
  - id: remote
    path: clones/remote
    source: {url: "https://ana:\${{ MY_TOKEN }}@git.example/acme/evals.git", ref: main}
  - {id: Bad Id, path: x}
`;
const files = { "team/a.eval.yaml": "tests: []\n", "home/benchmarks.yaml": registry };
const secret = { env: { MY_TOKEN: "tok-0123456789" } };

describe("GET /api/benchmarks", () => {
	it("lists the current registry and the problems of single entries", async () => {
		const studio = testStudio(files, secret);
		const list = await studio.json<BenchmarkListAnswer>("/api/benchmarks");
		expect(list).toMatchObject({ total: 2, page: 1, registry: join(studio.root, "home/benchmarks.yaml") });
		expect(list.items).toEqual([
			{
				id: "team",
				name: "The team's",
				path: join(studio.root, "team"),
				source: null,
				problem: null,
				last_sync: null,
				job: null,
			},
			expect.objectContaining({
				id: "remote",
				path: join(studio.root, "home/clones/remote"),
				source: { url: "https://git.example/acme/evals.git", ref: "main" },
			}),
		]);
		expect(list.problems).toEqual([expect.objectContaining({ line: 7 })]);
		studio.write({ "home/benchmarks.yaml": "benchmarks: []\n" });
		expect((await studio.json<BenchmarkListAnswer>("/api/benchmarks")).total).toBe(0);
	});

	it("returns an empty list without a registry, and searches by words", async () => {
		expect((await testStudio().json<BenchmarkListAnswer>("/api/benchmarks")).items).toEqual([]);
		const found = await testStudio(files, secret).json<BenchmarkListAnswer>("/api/benchmarks?search=TEAM");
		expect(found.items.map(({ id }) => id)).toEqual(["team"]);
	});

	it("reports the location of an error in the registry", async () => {
		const answer = await testStudio({ "home/benchmarks.yaml": "benchmarks: {a: 1}\n" }).request("/api/benchmarks");
		expect(answer.status).toBe(422);
		expect(await answer.json()).toMatchObject({ error: { code: "config", details: [{ line: 1 }] } });
	});

	it("never sends a URL's user part or a variable's value", async () => {
		const studio = testStudio(files, secret);
		for (const path of ["", "/remote"]) {
			const text = await (await studio.request(`/api/benchmarks${path}`)).text();
			expect(text).not.toContain("tok-0123456789");
			expect(text).not.toContain("ana:");
		}
	});
});

describe("GET /api/benchmarks/:id", () => {
	it("returns a benchmark, and 404 for an unknown id", async () => {
		const studio = testStudio(files, secret);
		const { benchmark } = await studio.json<{ benchmark: BenchmarkAnswer }>("/api/benchmarks/team");
		expect(benchmark.name).toBe("The team's");
		for (const id of ["unknown", "..%2F..%2Fetc", "Bad%20Id"])
			expect((await studio.request(`/api/benchmarks/${id}`)).status, id).toBe(404);
	});
});

describe("POST /api/benchmarks", () => {
	it("registers a directory or a repository, and keeps the rest of the file", async () => {
		const studio = testStudio({ ...files, "cwd/mine/x.eval.yaml": "tests: []\n" }, secret);
		expect(await (await studio.request("/api/benchmarks", { body: { location: "mine" } })).json()).toEqual({
			id: "mine",
		});
		const url = "https://x-access-token:${{ MY_TOKEN }}@git.example/acme/more.git";
		const added = await studio.request("/api/benchmarks", { body: { location: url, id: "more", ref: "v1" } });
		expect(added.status).toBe(201);
		const text = readFileSync(join(studio.root, "home/benchmarks.yaml"), "utf8");
		expect(text.startsWith(registry)).toBe(true);
		expect(text).toContain("${{ MY_TOKEN }}");
		expect((await studio.json<BenchmarkListAnswer>("/api/benchmarks")).total).toBe(4);
	});

	it.each([
		["a missing directory", { location: "nowhere" }, 404],
		["a taken id", { location: ".", id: "team" }, 400],
		["a transport that runs commands", { location: "ext::sh -c id", id: "x" }, 422],
		["a literal password", { location: "https://me:secret123@git.example/a.git", id: "x" }, 422],
		["no location", {}, 400],
		["an empty location", { location: "  " }, 400],
		["a list", [], 400],
		["invalid JSON", "{", 400],
	])("refuses %s and doesn't change the file", async (_what, body, status) => {
		const studio = testStudio(files, secret);
		const answer = await studio.request("/api/benchmarks", { body });
		expect(answer.status).toBe(status);
		expect(await answer.json()).toMatchObject({ error: { message: expect.any(String) } });
		expect(readFileSync(join(studio.root, "home/benchmarks.yaml"), "utf8")).toBe(registry);
	});
});

describe("DELETE /api/benchmarks/:id", () => {
	it("removes the entry and keeps the directory", async () => {
		const studio = testStudio(files, secret);
		const change = { method: "DELETE", body: {} };
		const path = join(studio.root, "team");
		expect(await studio.json("/api/benchmarks/team", change)).toEqual({ id: "team", path });
		expect(existsSync(path)).toBe(true);
		expect((await studio.request("/api/benchmarks/team", change)).status).toBe(404);
	});
});
