import fc from "fast-check";

export interface RandomProject {
	readonly files: Readonly<Record<string, string>>;
	readonly targets: readonly string[];
	readonly bail: boolean;
	readonly budgetUsd: number | undefined;
	readonly interruptAfter: number | undefined;
	readonly continuation: "nothing" | "resume" | "retry-errors";
}

const attemptEnd = fc.constantFrom("pass", "fail", "fail", "no-answer", "judge-fails", "judge-rejects");

const testArbitrary = fc.record({
	count: fc.integer({ min: 1, max: 3 }),
	strategy: fc.constantFrom("mean", "pass_any", "pass_all"),
	earlyExit: fc.boolean(),
	isJudged: fc.boolean(),
	dependsOnPrevious: fc.boolean(),
	onFailure: fc.constantFrom("skip", "fail", "run"),
	ends: fc.array(fc.array(attemptEnd, { minLength: 3, maxLength: 3 }), { minLength: 2, maxLength: 2 }),
});
type RandomTest = typeof testArbitrary extends fc.Arbitrary<infer Test> ? Test : never;

/** Targets and the judge replay files, with separate tokens and costs. */
export const randomProjects: fc.Arbitrary<RandomProject> = fc
	.record({
		tests: fc.array(testArbitrary, { minLength: 1, maxLength: 5 }),
		targets: fc.constantFrom(["one"], ["one", "two"]),
		bail: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
		budgetUsd: fc.option(fc.constantFrom(0.02, 0.05, 0.1), { nil: undefined, freq: 2 }),
		interruptAfter: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 1 }),
		continuation: fc.constantFrom<RandomProject["continuation"]>("nothing", "resume", "retry-errors"),
	})
	.map(({ tests, ...run }) => ({ ...run, files: filesOf(tests) }));

function filesOf(tests: readonly RandomTest[]): Record<string, string> {
	const target = (name: string) =>
		`  - { name: ${name}, provider: replay, fixtures: ./${name}.jsonl, grader_target: judge-${name} }\n`;
	const names = ["one", "two"] as const;
	return {
		"my.eval.yaml": `tests:\n${tests.map(testText).join("")}`,
		"targets.yaml": `targets:\n${names.map((name) => target(name)).join("")}${names
			.map((name) => `  - { name: judge-${name}, provider: replay, fixtures: ./judge-${name}.jsonl }\n`)
			.join("")}`,
		...Object.fromEntries(names.map((name, index) => [`${name}.jsonl`, answersOf(tests, index)])),
		...Object.fromEntries(names.map((name, index) => [`judge-${name}.jsonl`, verdictsOf(tests, index)])),
	};
}

function testText(test: RandomTest, index: number): string {
	const { count, strategy, earlyExit, isJudged, dependsOnPrevious, onFailure } = test;
	const judge = isJudged ? ", { type: llm-grader, name: judge, prompt: 'Is {{ output }} right?' }" : "";
	const depends =
		dependsOnPrevious && index > 0 ? `, depends_on: [t${index - 1}], on_dependency_failure: ${onFailure}` : "";
	const repeat = `repeat: { count: ${count}, strategy: ${strategy}, early_exit: ${earlyExit} }`;
	return `  - { id: t${index}, input: hi, ${repeat}, assertions: [{ type: contains, value: right }${judge}]${depends} }\n`;
}

function answersOf(tests: readonly RandomTest[], target: number): string {
	return linesOf(tests, target, (end, number) => {
		if (end === "no-answer") return undefined;
		const used = { token_usage: { input: 100, output: number }, cost_usd: 0.01 * (number % 3) };
		return { output: end === "fail" ? "wrong" : "right", ...(number % 2 === 0 ? used : {}) };
	});
}

/** Makes unreadable verdicts as expensive as readable ones. */
function verdictsOf(tests: readonly RandomTest[], target: number): string {
	return linesOf(tests, target, (end, number) => ({
		output:
			end === "judge-fails" ? "no verdict" : JSON.stringify({ score: end === "judge-rejects" ? 0 : 1, reasoning: "" }),
		...(number % 4 === 3 ? {} : { token_usage: { input: 10, output: 1 }, cost_usd: 0.005 }),
	}));
}

function linesOf(
	tests: readonly RandomTest[],
	target: number,
	answer: (end: string, number: number) => object | undefined,
): string {
	const lines = tests.flatMap(({ ends }, index) =>
		(ends[target] ?? []).flatMap((end, attempt) => {
			const content = answer(end, 3 * index + attempt);
			return content ? [JSON.stringify({ test_id: `t${index}`, attempt: attempt + 1, ...content })] : [];
		}),
	);
	return `${['{"test_id":"none","output":""}', ...lines].join("\n")}\n`;
}
