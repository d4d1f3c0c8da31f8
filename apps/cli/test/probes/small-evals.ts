/** Parts of an eval with one test that passes offline, from which probes build hostile ones. */
export const target = "targets:\n  - name: default\n    provider: mock\n    response: hello\n";
export const grader = '{ type: contains, value: "hello" }';

/** Returns a test as a YAML list entry. @param fields additional fields, one per line */
export function testEntry(fields: readonly string[] = [], graders: readonly string[] = [grader], id = "a"): string {
	const lines = [`- id: ${id}`, "input: hello", ...fields, `assertions: [${graders.join(", ")}]`];
	return lines.map((line, index) => `  ${index === 0 ? "" : "  "}${line}\n`).join("");
}

/** Returns the files of an eval. @param head lines before `tests` */
export function smallEval(
	parts: { head?: string; tests?: string; targets?: string; files?: Record<string, string> } = {},
): Record<string, string> {
	const { head = "", tests = `tests:\n${testEntry()}`, targets = target, files = {} } = parts;
	return { "my.eval.yaml": `${head}${tests}`, "targets.yaml": targets, ...files };
}

/** A program target that prints the content of `answer.txt`. */
export const printingTarget = "targets:\n  - name: default\n    provider: cli\n    command: [cat, ./answer.txt]\n";

/** A grader that prints the content of `reply.txt`. */
export const printingGrader = "{ type: code-grader, command: [cat, ./reply.txt] }";
