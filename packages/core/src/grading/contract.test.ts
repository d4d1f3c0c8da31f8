import { expectTable } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import {
	assertionRecord,
	gradeAssertion,
	isReproducible,
	type Regraded,
	readAssertionRecord,
	regrade,
} from "./grade-answer.ts";
import { graders } from "./graders/index.ts";
import { graderHeadings, graderRows } from "./testing/docs-rows.ts";
import { aSubject, gradingFixture } from "./testing/grading-fixture.ts";

/** The shortest entry that the schema of each type allows. */
const entries: Readonly<Record<string, string>> = {
	...Object.fromEntries(
		["contains", "icontains", "starts-with", "ends-with", "equals", "regex"].map((type) => [type, "value: x"]),
	),
	...Object.fromEntries(
		["contains-any", "contains-all", "icontains-any", "icontains-all"].map((type) => [type, "value: [x]"]),
	),
	"is-json": "weight: 1",
	"code-grader": "command: [echo, hi]",
	custom: "",
	composite: "aggregator: {type: weighted_average}, assertions: [{type: contains, value: x}]",
	"tool-trajectory": "mode: any_order, minimums: {a: 1}",
	latency: "threshold: 1",
	cost: "budget: 1",
	"token-usage": "max_total: 1",
	"execution-metrics": "max_tool_calls: 1",
	"field-accuracy": "fields: [{path: a}]",
	"skill-trigger": "skill: x",
	"llm-grader": "prompt: is it good?",
	rubrics: "criteria: [is it good?]",
};

const subjects = {
	"an empty answer": aSubject(),
	"a long answer": aSubject({ output: "x\u0000\ud800é".repeat(50_000) }),
	"an answer with everything": aSubject({
		output: '{"a": 1}',
		expectedOutput: '{"a": 1}',
		toolCalls: [{ tool: "a", input: { path: ["x", null] }, output: { error: "bad" } }],
		tokenUsage: { input: 1, output: 1, cached: 0 },
		...{ costUsd: 0, durationMs: 0, llmCalls: 1, fileChanges: "diff" },
	}),
};

describe.each([...Object.keys(graders), "custom"])("the grader %s", (type) => {
	const files = { ".agentv/graders/mine.sh": "exit 0" };
	const fixture = () => gradingFixture(type === "custom" ? "{type: mine}" : `{type: ${type}, ${entries[type]}}`, files);

	test.each(Object.keys(subjects) as (keyof typeof subjects)[])(
		"grades %s with a score, or reports why it can't",
		async (name) => {
			const graded = await fixture().grade(subjects[name]);
			if ("couldNotRun" in graded) {
				expect(graded.couldNotRun.code).toMatch(/^[a-z-]+$/);
				expect(graded.couldNotRun.message).toMatch(/[^.]$/);
				return;
			}
			expect(graded.score).toBeGreaterThanOrEqual(0);
			expect(graded.score).toBeLessThanOrEqual(1);
			for (const { text, passed } of graded.assertions)
				expect([typeof text, typeof passed]).toEqual(["string", "boolean"]);
			expect(JSON.parse(JSON.stringify(graded))).toMatchObject({ verdict: graded.score >= 0.8 ? "pass" : "fail" });
		},
	);

	test("is reproducible from its record if it claims to be", async () => {
		const { assertion, grade } = fixture();
		const record = JSON.parse(JSON.stringify(assertionRecord(assertion)));
		const read = readAssertionRecord(record);
		if (!read) throw new Error(`${JSON.stringify(record)} can't be read`);
		expect(isReproducible(read)).toBe(isReproducible(assertion));
		for (const subject of Object.values(subjects)) {
			const recorded = await grade(subject);
			if ("couldNotRun" in recorded) continue;
			const seen: Regraded[] = [];
			await regrade(read, recorded, subject, { isRedacted: false, seen: (one) => seen.push(one) });
			const { type: _, ...facts } = recorded;
			expect(seen.at(-1)).toMatchObject(
				isReproducible(assertion) ? { now: facts } : { takenOver: "not-reproducible", now: { score: facts.score } },
			);
		}
	});

	test("grades the same answer the same way twice", async () => {
		const { grade } = fixture();
		expect(await grade(subjects["an answer with everything"])).toEqual(
			await grade(subjects["an answer with everything"]),
		);
	});
});

test("every grader type has an entry here, so that a new grader is tested by this contract", () => {
	for (const type of Object.keys(graders)) expect(Object.keys(entries)).toContain(type);
});

test("an error thrown by a grader is not a low score", async () => {
	const { assertion, services } = gradingFixture("{type: contains, value: x}");
	const broken = { ...aSubject(), outputFile: "/no/such/file" };
	expect(await gradeAssertion(assertion, broken, services)).toMatchObject({
		verdict: "not_judged",
		error: { code: "not-found" },
	});
});

test("docs/evals.md contains the table of types (AGENTV_UPDATE_DOCS=1 updates it)", () => {
	expectTable("docs/evals.md", graderHeadings, graderRows());
});
