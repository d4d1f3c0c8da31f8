import { appendFileSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, law, tempTree } from "@agentv/test-support";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const schemaFile = new URL("../../../docs/schemas/compare-output.schema.json", import.meta.url);
const isValid = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(schemaFile, "utf8")));

const count = 10;
/** Returns ten tests with a grader each, which expects the text in `graders`, or "yes". */
function evalText(graders: Readonly<Record<number, string>> = {}): string {
	const tests = Array.from({ length: count }, (_, index) => {
		const grader = `{type: contains, value: ${graders[index] ?? "yes"}}`;
		return `  - {id: t${index}, input: "question ${index}", assertions: [${grader}]}\n`;
	});
	return `name: my\ntests:\n${tests.join("")}`;
}

/** A program whose answers can change without changing the target's fingerprint. */
const agent = `import { readFileSync } from "node:fs";
const said = JSON.parse(readFileSync(process.env.SAID, "utf8"));
const text = said[/question (\\d+)/.exec(process.argv[2])[1]] ?? said.other;
if (text === undefined) process.exit(3);
console.log(text);
`;
const files = {
	"evals/my.eval.yaml": evalText(),
	"evals/targets.yaml":
		'targets:\n  - {name: default, provider: cli, command: [node, ./agent.mjs, "{PROMPT}"]}\n  - {name: bigger, provider: mock, response: "yes"}\n',
	"evals/agent.mjs": agent,
};

/** Creates a project whose answers are chosen for each run. */
function project() {
	const cwd = tempTree(files);
	const write = (path: string, text: string) => writeFileSync(join(cwd, path), text);
	return {
		cwd,
		write,
		/**
		 * Runs the eval; the answer to question i is `said[i]`, else `said.other`, else the target
		 * fails.
		 */
		async run(output: string, said: Readonly<Record<string, string>>, ...args: string[]) {
			write("said.json", JSON.stringify(said));
			const path = args[0]?.endsWith(".yaml") ? [] : ["evals/my.eval.yaml"];
			const all = ["eval", "run", ...path, ...args, "--output", output];
			const { exitCode, stderr } = await agentv(all, { cwd, env: { SAID: join(cwd, "said.json") } });
			if (exitCode !== 0 && exitCode !== 1 && exitCode !== 4) throw new Error(stderr);
		},
		compare: (...args: string[]) => agentv(["results", "compare", ...args], { cwd }),
		async json(...args: string[]) {
			const { stdout } = await agentv(["results", "compare", ...args, "--json"], { cwd });
			const document = JSON.parse(stdout);
			expect(isValid(document), JSON.stringify(isValid.errors)).toBe(true);
			return document;
		},
	};
}

const yes = { other: "yes" };
const no = { other: "no" };

describe("agentv results compare", () => {
	test("groups tests by their changes, and shows the result for the comparable ones", async () => {
		const { run, write, compare } = project();
		await run("before", yes);
		const added = "  - {id: fresh, input: question 99, assertions: [{type: contains, value: yes}]}\n";
		write(
			"evals/my.eval.yaml",
			evalText({ 1: "nope", 2: "nope" })
				.replace("question 3", "question 33")
				.replace(/ {2}- \{id: t9.*\n/, added),
		);
		await run("after", { other: "yes", 4: "no" });
		const { stdout, stderr, exitCode } = await compare("before", "after");
		expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
		expect(stdout).toMatchInlineSnapshot(`
			"Before  before
			After   after

			     6  comparable
			     2  changed     in graders: t1, t2
			     1  changed     in test: t3
			     1  new         fresh
			     1  gone        t9

			= no difference shown: −0.167 (95 % interval −0.667 to 0.000)
			  Mean score 1.000 → 0.833 over 6 comparable tests: 1 went down, 0 up, 5
			  unchanged.
			  With this spread, 6 tests detect a true difference of 0.797 with 80 % power; a
			  smaller one can go undetected.

			  −1.00  1.00 → 0.00  t4
			"
		`);
	});

	test("compares several runs with the first", async () => {
		const { run, compare, json } = project();
		await run("a", yes);
		await run("b", no);
		await run("c", yes, "--target", "bigger");
		const { stdout } = await compare("a", "b", "c", "--vary", "target");
		expect(stdout.slice(0, stdout.indexOf("\n\nAfter 1  b"))).toMatchInlineSnapshot(`
			"Before   a
			After 1  b
			After 2  c

			         comparable  changed  new  gone  errors  difference
			After 1          10        0    0     0       0      −1.000  ✗ worse
			After 2          10        0    0     0       0       0.000  = none shown"
		`);
		const { comparisons } = await json("a", "b", "c");
		expect(comparisons.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["worse", "nothing to compare"]);
		expect(comparisons[1].changed[0]).toMatchObject({ target: "bigger", before_target: "default", parts: ["target"] });
	});

	test("prints one JSON document that contains every test in one group", async () => {
		const { cwd, run, write, json } = project();
		await run("before", yes);
		write("evals/my.eval.yaml", evalText({ 1: "nope" }).replace("id: t9", "id: t10"));
		await run("after", { other: "yes", 4: "no" });
		const document = await json("before", "after");
		expect(document).toMatchObject({
			runs: [{ run: "before", run_dir: join(cwd, "before"), state: "finished", planned: count }, { run: "after" }],
			verdict: "no difference shown",
			difference: { tests: 8, before: 1, after: 7 / 8, mean: -1 / 8 },
			changed: [{ test_id: "t1", parts: ["graders"], before: 1, after: 0 }],
			new: [{ test_id: "t10", score: 1 }],
			gone: [{ eval: "evals/my.eval.yaml", test_id: "t9", target: "default", score: 1 }],
			errors: [],
		});
		expect(document.comparable.find(({ test_id }: { test_id: string }) => test_id === "t4")).toMatchObject({
			...{ before: 1, after: 0, delta: -1 },
		});
	});

	test("excludes and counts tests that were not graded", async () => {
		const { run, compare, json } = project();
		await run("before", yes);
		await run("after", Object.fromEntries(Array.from({ length: 7 }, (_, index) => [index, "yes"])));
		expect((await compare("before", "after")).stdout).toContain(
			"     3  left out    not graded in one of them: t7, t8, t9\n",
		);
		const { errors, difference } = await json("before", "after");
		expect(errors.length).toBe(3);
		expect(errors[0]).toMatchObject({ before: 1, after: null });
		expect(difference).toMatchObject({ tests: 7, mean: 0 });
	});

	test("averages the attempts of a test, and excludes and counts those that were not graded", async () => {
		const { cwd, run, compare, json } = project();
		await run("once", yes);
		await run("twice", yes, "--repeat", "2");
		// Scores one attempt of t3 with 0.5, and leaves one of t4 ungraded.
		const lines = readFileSync(join(cwd, "twice/index.jsonl"), "utf8")
			.split("\n")
			.map((line) => {
				if (!line.includes('"attempt":2,')) return line;
				if (line.includes('"test_id":"t3"')) return line.replace('"score":1,', '"score":0.5,');
				return line.includes('"test_id":"t4"')
					? line.replace('"execution_status":"ok"', '"execution_status":"execution_error"')
					: line;
			});
		writeFileSync(join(cwd, "twice/index.jsonl"), lines.join("\n"));
		const { difference, comparable, unjudged_attempts: unjudged } = await json("once", "twice");
		expect([difference.tests, unjudged]).toEqual([count, 1]);
		const moved = comparable.filter(({ delta }: { delta: number }) => delta !== 0);
		expect(moved).toMatchObject([{ test_id: "t3", before: 1, after: 0.75 }]);
		expect((await compare("once", "twice")).stdout).toContain(
			"  1 attempt was not graded and is excluded from its test's mean.\n",
		);
	});

	test("matches a bundle's tests with those of its source, whose eval has another name", async () => {
		const { cwd, run, compare, json } = project();
		await run("before", yes);
		expect((await agentv(["bundle", "evals/my.eval.yaml", "--output", "bundled"], { cwd })).exitCode).toBe(0);
		await run("after", no, "bundled/eval.yaml");
		expect(await json("before", "after")).toMatchObject({ changed: [], new: [], gone: [], verdict: "worse" });
		expect((await compare("before", "after")).stdout).toContain(
			"eval.yaml is compared with evals/my.eval.yaml: same questions",
		);
	});
});

describe("--fail-on regression", () => {
	test("exits with 1 if there is a regression, and with 0 if not", async () => {
		const { run, compare } = project();
		await run("good", yes);
		await run("bad", no);
		await run("much the same", { other: "yes", 3: "no" });
		const gate = async (...runs: string[]) => (await compare(...runs, "--fail-on", "regression")).exitCode;
		expect(await gate("good", "bad")).toBe(1);
		expect(await gate("bad", "good")).toBe(0);
		expect(await gate("good", "much the same")).toBe(0);
		expect(await gate("good", "much the same", "bad")).toBe(1);
		// Without --fail-on, a regression is not an error.
		expect((await compare("good", "bad")).exitCode).toBe(0);
	});

	test("exits with 2 and the reason if no tests are comparable, unless that is allowed", async () => {
		const { run, compare } = project();
		await run("a", yes);
		await run("b", yes, "--target", "bigger");
		const refused = await compare("a", "b", "--fail-on", "regression");
		expect(refused).toMatchObject({
			exitCode: 2,
			stderr: `error: no test of b can be compared with a: 10 changed in target
hint: If the difference in target is intended: --vary target. Pass --allow-incomparable to succeed anyway.
`,
		});
		expect(refused.stdout).toContain("? nothing to compare");
		const asked = ["a", "b", "--fail-on", "regression"];
		expect(await compare(...asked, "--allow-incomparable")).toMatchObject({ exitCode: 0, stderr: "" });
		expect(await compare(...asked, "--vary", "target")).toMatchObject({ exitCode: 0, stderr: "" });
		expect(JSON.parse((await compare(...asked, "--json")).stdout)).toMatchObject({ verdict: "nothing to compare" });
	});

	test("reports if too few tests are comparable", async () => {
		const { run, compare } = project();
		await run("a", yes, "--test", "t1", "--test", "t2");
		await run("b", no, "--test", "t1", "--test", "t2");
		expect(await compare("a", "b", "--fail-on", "regression")).toMatchObject({
			exitCode: 0,
			stderr:
				"warning: b: With so few tests, a difference can't be distinguished from chance: at least 6 are needed.\n",
		});
	});
});

describe("agentv results compare with special runs", () => {
	test("exits with 2 for wrong usage", async () => {
		const { cwd, run, compare } = project();
		await run("a", yes);
		symlinkSync("a", join(cwd, "link"));
		const refused = async (...args: string[]) => {
			const { exitCode, stderr, stdout } = await compare(...args);
			expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
			return stderr.slice(0, stderr.indexOf("\n"));
		};
		expect(await refused("a")).toBe("error: missing required argument 'after'");
		expect(await refused("a", "a")).toBe("error: a was given twice");
		expect(await refused("a", "link")).toBe("error: a and link are the same run");
		expect(await refused("a", "nowhere")).toBe('error: no run "nowhere"');
		expect(await refused("a", "evals")).toBe('error: no run "evals"');
		expect(await refused("a", "link", "--vary", "everything")).toContain("everything");
		expect(await refused("a", "link", "--fail-on", "anything")).toContain("anything");
		writeFileSync(join(cwd, "evals/run.json"), "{");
		expect(await refused("a", "evals")).toMatch(/evals\/run\.json is not a valid run record/);
	});

	test("reports an unfinished run and invalid rows", async () => {
		const { cwd, run, compare, json } = project();
		await run("a", yes);
		cpSync(join(cwd, "a"), join(cwd, "b"), { recursive: true });
		rmSync(join(cwd, "b/summary.json"));
		const [first = "", ...others] = readFileSync(join(cwd, "b/index.jsonl"), "utf8").trimEnd().split("\n");
		writeFileSync(join(cwd, "b/index.jsonl"), `${others.join("\n")}\nnonsense\n{}\n${first.slice(0, 40)}`);
		expect(
			(await compare("a", "b")).stderr,
		).toBe(`warning: b: lines 10, 11 of its index.jsonl are skipped, because no row can be read there
warning: b did not finish: 9 of 10 tests have results
`);
		expect(await json("a", "b")).toMatchObject({ runs: [{ state: "finished" }, { state: "unfinished" }], gone: [{}] });
		rmSync(join(cwd, "a/index.jsonl"));
		expect((await compare("b", "a")).stderr).toContain("warning: a finished, but only 0 of 10 tests have results\n");
	});

	test("shows a row without fingerprint as an unknown change", async () => {
		const { cwd, run, compare, json } = project();
		await run("a", yes);
		await run("b", yes);
		const rows = readFileSync(join(cwd, "b/index.jsonl"), "utf8").replace(/"fingerprint":\{[^}]*\},/, "");
		writeFileSync(join(cwd, "b/index.jsonl"), rows);
		expect(await json("a", "b")).toMatchObject({ changed: [{ parts: [] }], difference: { tests: count - 1 } });
		expect((await compare("a", "b")).stdout).toContain("1  changed     unknown change (no fingerprint recorded): t");
	});

	test("accepts a directory, experiment and time, run id or latest, and escapes control characters in ids", async () => {
		const { cwd, compare, json } = project();
		const home = { cwd, env: { SAID: join(cwd, "said.json") } };
		writeFileSync(join(cwd, "said.json"), JSON.stringify(yes));
		for (const experiment of ["one", "two"])
			await agentv(["eval", "run", "evals/my.eval.yaml", "--experiment", experiment], home);
		const { stdout } = await agentv(["results", "list", "--json"], { cwd });
		const [two, one] = JSON.parse(stdout).runs;
		const document = await json(one.id, "latest");
		expect(document.runs).toMatchObject([{ experiment: "one" }, { experiment: "two" }]);
		const [before, after] = document.runs;
		expect(await json(before.run_id, after.run_dir)).toMatchObject({
			runs: [before, after].map(({ run_dir }) => ({ run_dir })),
		});
		const [row = ""] = readFileSync(join(after.run_dir, "index.jsonl"), "utf8").split("\n");
		appendFileSync(
			join(after.run_dir, "index.jsonl"),
			`${JSON.stringify({ ...JSON.parse(row), test_id: "\u001b]0;x\u0007" })}\n`,
		);
		const shown = (await compare(one.id, two.id)).stdout;
		expect(shown).toContain("new         ␛]0;x␇");
		expect(shown).not.toContain("\u001b");
	});
});

test("swapping graders marks exactly their tests as changed", async () => {
	const { run, write, json } = project();
	await run("before", yes);
	await fc.assert(
		fc.asyncProperty(
			fc.uniqueArray(fc.integer({ min: 0, max: count - 1 }), { minLength: 1, maxLength: count }),
			fc.constantFrom("no", "yes, indeed"),
			async (swapped, value) => {
				write(
					"evals/my.eval.yaml",
					evalText(Object.fromEntries(swapped.map((index) => [index, JSON.stringify(value)]))),
				);
				await run(`after-${swapped.join("-")}-${value}`, yes);
				const {
					changed,
					comparable,
					errors,
					new: fresh,
					gone,
				} = await json("before", `after-${swapped.join("-")}-${value}`);
				const names = swapped.map((index) => `t${index}`).sort();
				expect(changed.map(({ test_id, parts }: { test_id: string; parts: string[] }) => [test_id, parts])).toEqual(
					names.map((name) => [name, ["graders"]]),
				);
				expect([comparable.length, errors, fresh, gone]).toEqual([count - swapped.length, [], [], []]);
			},
		),
		law(20),
	);
});
