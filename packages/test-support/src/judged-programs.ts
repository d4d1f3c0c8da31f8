function printing(answer: object): string {
	return `console.log(${JSON.stringify(JSON.stringify(answer))});\n`;
}

/**
 * Returns files for an eval whose answer costs $0.20 and its grading $0.05. `mumbler` is a model
 * whose reply is not a verdict, `broken.mjs` a code grader that can't run.
 * @param diagnostics what the agent prints to standard error
 */
export function judgedPrograms(diagnostics: string) {
	return {
		"targets.yaml": `targets:
  - { name: agent, provider: cli, command: [node, ./agent.mjs], grader_target: judge }
  - { name: judge, provider: cli, command: [node, ./judge.mjs] }
  - { name: mumbler, provider: cli, command: [node, ./mumbler.mjs] }
`,
		"agent.mjs": `console.error(${JSON.stringify(diagnostics)});\n${printing({ text: "hello there", token_usage: { input: 100, output: 20 }, cost_usd: 0.2 })}`,
		"judge.mjs": printing({
			...{ text: '{"score": 1, "reasoning": "kind"}', token_usage: { input: 30, output: 5 }, cost_usd: 0.05 },
		}),
		"mumbler.mjs": printing({ text: "hm", token_usage: { input: 10, output: 1 }, cost_usd: 0.01 }),
		"broken.mjs": 'console.error("fixture is missing"); process.exit(130);\n',
	};
}
