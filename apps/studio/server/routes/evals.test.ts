import { describe, expect, it } from "vitest";
import type { EvalAnswer, EvalListAnswer, EvalTestsAnswer } from "../describe-eval.ts";
import { testStudio } from "../testing/test-studio.ts";

const small = (name: string) => `name: ${name}\ntarget: quick\ntests:\n  - {id: a, input: hi, expected_output: hi}\n`;
const targets = "targets:\n  - {name: quick, provider: mock, response: hi}\n";

const registry = `benchmarks:
  - {id: team, path: ../team}
  - {id: gone, path: ../gone, source: {url: "https://example.com/x.git"}}
`;

const files = {
	"cwd/one.eval.yaml": small("one"),
	"cwd/two.eval.yaml": "name: two\ntarget: missing\ntests:\n  - {id: a, input: hi, expected_output: hi}\n",
	"cwd/targets.yaml": targets,
	"team/deep/EVAL.yaml": small("deep"),
	"team/deep/targets.yaml": targets,
	"home/benchmarks.yaml": registry,
};

const named = (list: EvalListAnswer, path: string) => {
	const entry = list.items.find(({ file }) => file === path);
	if (!entry) throw new Error(`${path} is not in the list`);
	return entry;
};

describe("GET /api/evals", () => {
	it("lists the evals of Studio's directory or a benchmark without loading them", async () => {
		const studio = testStudio(files);
		const own = await studio.json<EvalListAnswer>("/api/evals");
		expect(own.items.map(({ file, benchmark, marks }) => [file, benchmark, marks])).toEqual([
			["one.eval.yaml", null, null],
			["two.eval.yaml", null, null],
		]);
		const team = await studio.json<EvalListAnswer>("/api/evals?benchmark=team");
		expect(team).toMatchObject({ total: 1, page: 1, pages: 1, problem: null });
		expect(team.items[0]).toMatchObject({ file: "deep/EVAL.yaml", benchmark: "team" });
	});

	it("returns pages of 50 and searches names", async () => {
		const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`cwd/e${n}.eval.yaml`, small("x")]));
		const studio = testStudio(many);
		const second = await studio.json<EvalListAnswer>("/api/evals?page=2");
		expect([second.items.length, second.pages, second.total]).toEqual([10, 2, 60]);
		expect((await studio.json<EvalListAnswer>("/api/evals?page=9")).items).toEqual([]);
		expect((await studio.json<EvalListAnswer>("/api/evals?search=E42%20yaml")).items.map(({ file }) => file)).toEqual([
			"e42.eval.yaml",
		]);
	});

	it("sends marks as events, caches them, and filters by them", async () => {
		const studio = testStudio(files);
		const list = await studio.json<EvalListAnswer>("/api/evals");
		const events = await studio.events(`/api/evals/marks?${list.items.map(({ id }) => `id=${id}`).join("&")}`);
		expect(events).toEqual([
			{
				type: "marks",
				id: named(list, "one.eval.yaml").id,
				marks: { name: "one", tests: 1, targets: ["quick"], errors: 0, warnings: expect.any(Number) },
			},
			{
				type: "marks",
				id: named(list, "two.eval.yaml").id,
				marks: { name: "two", tests: 1, targets: ["missing"], errors: 1, warnings: expect.any(Number) },
			},
			{ type: "end" },
		]);
		const wrong = await studio.json<EvalListAnswer>("/api/evals?state=errors");
		expect(wrong.items.map(({ file, marks }) => [file, marks?.errors])).toEqual([["two.eval.yaml", 1]]);
	});

	it.each([
		["page=0", 400, "usage"],
		["page=x", 400, "usage"],
		["state=odd", 400, "usage"],
		["benchmark=unknown", 404, "not-found"],
		["benchmark=gone", 404, "not-found"],
		["benchmark=..%2Fteam", 404, "not-found"],
	])("refuses ?%s", async (search, status, code) => {
		const answer = await testStudio(files).request(`/api/evals?${search}`);
		expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([status, code]);
	});

	it("reports the location of an error in the registry, and still lists Studio's directory", async () => {
		const studio = testStudio({ ...files, "home/benchmarks.yaml": "benchmarks: [\n" });
		const answer = await studio.request("/api/evals?benchmark=team");
		expect(answer.status).toBe(422);
		expect(await answer.json()).toMatchObject({ error: { code: "config", details: [{ line: 2 }] } });
		expect((await studio.request("/api/evals")).status).toBe(200);
	});
});

describe("GET /api/evals/:id", () => {
	it("returns the source, findings with lines and rules, and targets", async () => {
		const studio = testStudio(files);
		const { id } = named(await studio.json<EvalListAnswer>("/api/evals"), "two.eval.yaml");
		const shown = await studio.json<EvalAnswer>(`/api/evals/${id}`);
		expect(shown).toMatchObject({ id, file: "two.eval.yaml", name: "two", tests: 1, foreign: false, errors: 1 });
		expect(shown.source).toBe(files["cwd/two.eval.yaml"]);
		expect(shown.findings).toContainEqual(
			expect.objectContaining({ rule: "targets.undefined", own: true, line: 2, severity: "error" }),
		);
		expect(shown.rules.map((rule) => rule.id)).toContain("targets.undefined");
		expect(shown.targets).toEqual([
			expect.objectContaining({ name: "missing", provider: null, problem: expect.stringContaining("missing") }),
		]);
	});

	it("reflects an edit without a restart", async () => {
		const studio = testStudio(files);
		const { id } = named(await studio.json<EvalListAnswer>("/api/evals"), "one.eval.yaml");
		studio.write({ "cwd/one.eval.yaml": small("renamed") });
		expect((await studio.json<EvalAnswer>(`/api/evals/${id}`)).name).toBe("renamed");
	});

	it("never sends a variable's value, a key or a URL's user part", async () => {
		const secret = "s3cr3t-value-of-mine";
		const studio = testStudio(
			{
				"cwd/.env": "PLACE=hidden-place-77\n",
				"cwd/x.eval.yaml": `target: {provider: openai, model: m, api_key: sk-literal-12345, base_url: "https://me:pw@llm.example/v1"}
workspace:
  repos: [{path: ./app, repo: "https://user:pass@git.example/a.git"}]
  hooks: {before_each: {command: [node, "-e", "\${{ PLACE }}", "\${{ MY_TOKEN }}"]}}
tests:
  - {id: a, input: "look at \${{ PLACE }}", expected_output: "\${{ MY_TOKEN }}"}
`,
			},
			{ env: { MY_TOKEN: secret } },
		);
		const list = await studio.json<EvalListAnswer>("/api/evals");
		const { id } = named(list, "x.eval.yaml");
		const texts = await Promise.all(
			["", "/tests"].map(async (path) => (await studio.request(`/api/evals/${id}${path}`)).text()),
		);
		for (const value of [secret, "hidden-place-77", "sk-literal-12345", "user:pass", "me:pw"])
			expect(texts.join("\n")).not.toContain(value);
		const shown = JSON.parse(texts[0] ?? "") as EvalAnswer;
		expect(shown.targets[0]).toMatchObject({ provider: "openai", host: "llm.example", literal_key: true });
		expect(shown.commands[0]).toMatchObject({ kind: "hook", name: "before_each" });
		expect(shown.commands[0]?.command).toContain("${{ MY_TOKEN }}");
		expect(shown.variables.map(({ name }) => name)).toEqual(["MY_TOKEN", "PLACE"]);
	});

	it.each(["none", "_~none-0123456789abcdef", "..%2F..%2Fetc%2Fpasswd", "team~..%2Fone", "~", "unknown~x-1"])(
		"returns 404 for the eval %s",
		async (id) => {
			expect((await testStudio(files).request(`/api/evals/${id}`)).status).toBe(404);
		},
	);

	it("refuses a link to a file outside its benchmark", async () => {
		const studio = testStudio({ ...files, "team/out.eval.yaml": { link: "../cwd/one.eval.yaml" } });
		const { id } = named(await studio.json<EvalListAnswer>("/api/evals?benchmark=team"), "out.eval.yaml");
		const answer = await studio.request(`/api/evals/${id}`);
		expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining("outside team")]);
	});
});

describe("GET /api/evals/:id/tests", () => {
	it("returns pages of tests and searches them", async () => {
		const rows = Array.from({ length: 120 }, (_, n) => JSON.stringify({ id: `t${n}`, input: `q ${n}`, criteria: "c" }));
		const studio = testStudio({
			"cwd/big.eval.yaml": "tests: ./cases.jsonl\n",
			"cwd/cases.jsonl": `${rows.join("\n")}\n`,
		});
		const { id } = named(await studio.json<EvalListAnswer>("/api/evals"), "big.eval.yaml");
		const page = await studio.json<EvalTestsAnswer>(`/api/evals/${id}/tests?page=2&page_size=100`);
		expect([page.items.length, page.total]).toEqual([20, 120]);
		expect(page.items[0]).toMatchObject({ id: "t100", input: "q 100", file: "cases.jsonl", line: 101 });
		expect((await studio.json<EvalTestsAnswer>(`/api/evals/${id}/tests?search=t119`)).total).toBe(1);
		expect((await studio.request(`/api/evals/${id}/tests?page_size=201`)).status).toBe(400);
	});
});
