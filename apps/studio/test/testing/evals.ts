/** Returns a small offline eval whose target answers from a list. */
export function smallEval(name: string, tests: readonly string[]): Record<string, string> {
	const answers = tests.map((id) => `      ${id}: "The answer to ${id} is 42."`);
	return {
		[`${name}.eval.yaml`]: [
			`name: ${name}`,
			`description: Asks ${tests.length} questions`,
			"target: listed",
			"assertions:",
			"  - type: contains",
			'    value: "42"',
			"tests:",
			...tests.flatMap((id) => [`  - id: ${id}`, `    input: What is ${id}?`, `    expected_output: "42"`]),
			"",
		].join("\n"),
		"targets.yaml": ["targets:", "  - name: listed", "    provider: mock", "    responses:", ...answers, ""].join("\n"),
	};
}

/** Moves files into `directory`. */
export function below(directory: string, files: Readonly<Record<string, string>>): Record<string, string> {
	return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${directory}/${path}`, text]));
}
