/**
 * An eval with one test that an offline target answers and a text grader passes, and the parts of which probes make
 * hostile ones.
 */
export const target = "targets:\n  - name: default\n    provider: mock\n    response: hello\n";
export const grader = '{ type: contains, value: "hello" }';

/** Returns a test as a YAML list entry. @param fields additional fields, one per line */
export function testEntry(fields: readonly string[] = [], graders: readonly string[] = [grader], id = "a"): string {
	const lines = [`- id: ${id}`, "input: hello", ...fields, `assertions: [${graders.join(", ")}]`];
	return lines.map((line, index) => `  ${index === 0 ? "" : "  "}${line}\n`).join("");
}

/** The files of an eval. @param head lines before `tests` */
export function smallEval(
	parts: { head?: string; tests?: string; targets?: string; files?: Record<string, string> } = {},
): Record<string, string> {
	const { head = "", tests = `tests:\n${testEntry()}`, targets = target, files = {} } = parts;
	return { "my.eval.yaml": `${head}${tests}`, "targets.yaml": targets, ...files };
}

/** A program target that prints what the file `answer.txt` holds. */
export const printingTarget = "targets:\n  - name: default\n    provider: cli\n    command: [cat, ./answer.txt]\n";

/** A grader that prints what the file `reply.txt` holds. */
export const printingGrader = "{ type: code-grader, command: [cat, ./reply.txt] }";
