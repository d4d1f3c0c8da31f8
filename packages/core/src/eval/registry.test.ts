import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { addBenchmark, parseRegistry, readRegistry, removeBenchmark } from "./registry.ts";
import { shownSource } from "./source.ts";

const parse = (text: string, env = {}) =>
	parseRegistry(text, "/home/u/.agentv/benchmarks.yaml", { HOME: "/home/u", ...env });

describe("reading the registry", () => {
	test("resolves variables, home and relative paths, and keeps sources as written", () => {
		const { entries, diagnostics } = parse(
			"benchmarks:\n- {id: a, path: '~/x'}\n- {id: b, path: evals, name: B}\n- {id: c, path: '${{ WHERE:-/data }}/c', source: {url: '${{ URL }}'}}\n",
			{ URL: "https://host/c" },
		);
		expect(diagnostics).toEqual([]);
		expect(entries.map(({ id, name, path }) => [id, name, path])).toEqual([
			["a", "a", "/home/u/x"],
			["b", "B", "/home/u/.agentv/evals"],
			["c", "c", "/data/c"],
		]);
		expect(entries[2]?.source).toEqual({ url: "${{ URL }}" });
	});

	test("returns ids, names and refs as text", () => {
		const { entries } = parse(
			"benchmarks:\n- {id: 007, name: 1.10, path: /x, source: {url: /r, ref: 1e5}}\n- {id: true, path: /y}\n",
		);
		expect(entries.map(({ id, name, source }) => [id, name, source?.ref])).toEqual([
			["007", "1.10", "1e5"],
			["true", "true", undefined],
		]);
	});

	test("reports a bad entry at that entry and returns the others", () => {
		const { entries, diagnostics } = parse(
			"benchmarks:\n- {id: good, path: /x}\n- {id: Bad Id, path: /x}\n- {id: nopath}\n- just text\n- {id: good, path: /y}\n- {id: unset, path: '${{ NONE }}'}\n- {id: secret, path: /z, source: {url: 'https://u:hunter2hunter2@h/x'}}\n",
		);
		expect(entries.map(({ id, problem }) => [id, problem === undefined])).toEqual([
			["good", true],
			["unset", false],
			["secret", false],
		]);
		expect(diagnostics.map(({ at }) => at.path?.[1])).toEqual([1, 2, 3, 4, 5, 6]);
		expect(JSON.stringify(diagnostics)).not.toContain("hunter2");
	});

	test.each(["benchmarks: {a: 1}\n", "- a\n", "benchmarks: [\n", "text\n", "benchmarks: text\n", "a: &a [*a, *a]\n"])(
		"refuses %j and reports where",
		(text) => {
			expect(() => parse(text)).toThrow(
				expect.objectContaining({
					code: "config",
					diagnostics: expect.arrayContaining([expect.objectContaining({ severity: "error" })]),
				}),
			);
		},
	);

	test("returns an empty list if the file is missing or empty", () => {
		expect(readRegistry({ HOME: tempTree() }).entries).toEqual([]);
		expect(parse("").entries).toEqual([]);
		expect(parse("benchmarks:\n").entries).toEqual([]);
	});

	test("reads a thousand entries", () => {
		const text = `benchmarks:\n${Array.from({ length: 1000 }, (_, index) => `  - id: b${index}\n    path: /data/b${index}\n    source:\n      url: https://host/b${index}.git\n`).join("")}`;
		expect(parse(text).entries).toHaveLength(1000);
	});
});

test.each([
	["https://host/x", "https://host/x"],
	["https://x:${{ T }}@host/x", "https://x:${{ T }}@host/x"],
	["https://x:pw@host/x", "https://x:***@host/x"],
	["https://x:pw${{ T }}@host/x", "https://x:***${{ T }}@host/x"],
	["https://x:${{ T:-pw }}@host/x", "https://x:${{ T:-*** }}@host/x"],
	["${{ URL:-https://x:pw@host/x }}", "${{ URL:-https://x:***@host/x }}"],
	["https://ghp_0123456789abcdefghij@host/x", "https://***@host/x"],
	["git@host:x.git", "git@host:x.git"],
])("displays the source %s as %s", (written, shown) => {
	expect(shownSource(written)).toBe(shown);
});

/** Creates a home directory with a registry of this text, or with none. */
function home(text?: string) {
	const root = tempTree();
	const file = join(root, ".agentv/benchmarks.yaml");
	mkdirSync(join(root, ".agentv"));
	if (text !== undefined) writeFileSync(file, text);
	const options = { env: { HOME: root, TOKEN: "t0ken-t0ken" }, cwd: root, now: new Date("2026-01-02T03:04:05Z") };
	return { root, file, options, read: () => readFileSync(file, "utf8") };
}

describe("adding a benchmark", () => {
	test("puts the clone of a URL below the home, keeps variables, and makes the new file private", async () => {
		const { root, file, options, read } = home();
		const url = "https://x-access-token:${{ TOKEN }}@github.com/acme/Evals.git";
		await addBenchmark(url, { ...options, ref: "v1" });
		expect(read()).toBe(
			`benchmarks:\n  - id: evals\n    path: ${root}/.agentv/benchmarks/evals\n    source:\n      url: ${url}\n      ref: v1\n    added_at: 2026-01-02T03:04:05.000Z\n`,
		);
		expect(statSync(file).mode & 0o777).toBe(0o600);
		expect(readdirSync(join(root, ".agentv"))).toEqual(["benchmarks.yaml"]);
	});

	test("registers a directory as local, or as a source if its clone gets a path or ref", async () => {
		const { root, options } = home();
		mkdirSync(join(root, "evals"));
		expect((await addBenchmark("evals", options)).fields).toMatchObject({ id: "evals", path: join(root, "evals") });
		const cloned = await addBenchmark("evals", { ...options, id: "two", path: "copy", name: "Two" });
		expect(cloned.fields).toMatchObject({
			path: join(root, "copy"),
			name: "Two",
			source: { url: join(root, "evals") },
		});
		expect((await addBenchmark("./evals", { ...options, id: "three", ref: "main" })).fields).toHaveProperty("source");
	});

	test("suggests another id for a duplicate one", async () => {
		const { options } = home("benchmarks:\n- {id: x, path: /x}\n- {id: x-2, path: /x}\n");
		await expect(addBenchmark("https://host/x", options)).rejects.toMatchObject({
			code: "usage",
			hint: "Choose another id: --id x-3.",
		});
	});

	test.each([
		["none/such", {}, "not-found"],
		["", {}, "usage"],
		["https://u:pw@host/x", {}, "config"],
		["ext::sh", {}, "config"],
		["--upload-pack=x", {}, "not-found"],
		["https://host/x", { ref: "--force" }, "config"],
		["https://host/x", { id: "../x" }, "usage"],
		["https://host/x", { id: "X" }, "usage"],
		["${{ NOT_SET }}", {}, "usage"],
		["https://u:pw@${{ NOT_SET }}/x", {}, "config"],
	])("refuses %j with %j and writes nothing", async (location, more, code) => {
		const { root, options } = home();
		await expect(addBenchmark(location, { ...options, ...more })).rejects.toMatchObject({ code });
		expect(readdirSync(join(root, ".agentv"))).toEqual([]);
	});

	test("accepts a variable that is not set in this environment", async () => {
		const { options } = home();
		const { fields } = await addBenchmark("${{ BENCH_URL }}", { ...options, id: "b", ref: "${{ REF:-main }}" });
		expect(fields).toMatchObject({ source: { url: "${{ BENCH_URL }}", ref: "${{ REF:-main }}" } });
	});

	test("does not write to an unreadable registry", async () => {
		for (const text of ["benchmarks: [\n", "benchmarks: {a: 1}\n", `a: &a [x]\n${"b: [*a, *a]\n".repeat(2)}`]) {
			const { options, read } = home(text);
			await expect(addBenchmark("https://host/x", options)).rejects.toMatchObject({ code: "config" });
			await expect(removeBenchmark("x", options)).rejects.toMatchObject({ code: "config" });
			expect(read()).toBe(text);
		}
	});

	test("keeps all concurrent additions", async () => {
		const { options } = home();
		await Promise.all(Array.from({ length: 20 }, (_, index) => addBenchmark(`https://host/b${index}`, options)));
		expect(new Set(readRegistry(options.env).entries.map(({ id }) => id)).size).toBe(20);
	});
});

test("removing a benchmark deletes its entry and returns its directory; an unknown id lists the known ones", async () => {
	const { options, read } = home("# mine\nbenchmarks:\n  - id: a\n    path: /a\n  - id: b\n    path: /b # b\n");
	expect(await removeBenchmark("a", options)).toMatchObject({ path: "/a" });
	expect(read()).toBe("# mine\nbenchmarks:\n  - id: b\n    path: /b # b\n");
	await expect(removeBenchmark("a", options)).rejects.toMatchObject({ code: "not-found", hint: "Known: b." });
});
