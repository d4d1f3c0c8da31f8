import type { DocumentPath } from "../base/diagnostic.ts";

/** Fields whose text people or models read. Everything else becomes a path, a name, a URL or a command. */
const prose = new Set([
	...["input", "expected_output", "criteria", "expected_outcome", "description", "content", "prompt", "outcome"],
	...["vars", "metadata", "value", "text", "system_prompt", "response", "responses", "author", "license"],
	...["assertions", "assert", "evaluators", "score_ranges", "tool_calls", "args", "config", "rubrics"],
]);

const notProse = new Set([
	...["command", "script", "cwd", "path", "target", "include", "type", "name", "id", "skill", "repo", "url", "commit"],
]);

/** Whether the text at `path` is prose, judged by the innermost field name that tells. */
export function isProse(path: DocumentPath, inTarget: boolean): boolean {
	const names = path.filter((key): key is string => typeof key === "string");
	for (const name of names.reverse()) {
		if (notProse.has(name)) return false;
		if (prose.has(name)) return !inTarget || ["response", "responses", "system_prompt"].includes(name);
	}
	return false;
}
