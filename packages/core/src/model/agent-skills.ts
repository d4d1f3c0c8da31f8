import { basename } from "node:path";
import type { DocumentPath } from "../base/diagnostic.ts";
import { lookUp } from "../base/look-up.ts";
import { slugify } from "../base/slug.ts";
import type { Part, Source } from "./source.ts";

/** Returns whether it is Agent Skills' own format: `evals.json` with `{skill_name, evals: […]}`. */
export function isAgentSkillsFile(file: string, value: unknown): boolean {
	return (
		basename(file) === "evals.json" &&
		typeof value === "object" &&
		value !== null &&
		Array.isArray((value as { evals?: unknown }).evals)
	);
}

interface SkillEval {
	readonly id?: unknown;
	readonly prompt?: unknown;
	readonly expected_output?: unknown;
	readonly files?: unknown;
	readonly assertions?: unknown;
}

/** Returns the same document with our field names. */
export function agentSkillsEnvelope(part: Part): Part {
	const { skill_name: skill, evals } = part.value as { skill_name?: unknown; evals: SkillEval[] };
	const tests = evals.map((entry) => {
		if (typeof entry !== "object" || entry === null) return entry;
		const { id, prompt, expected_output, files, assertions } = entry;
		return {
			...(id === undefined ? {} : { id }),
			...(prompt === undefined ? {} : { input: prompt }),
			...(expected_output === undefined ? {} : { expected_output }),
			...(files === undefined ? {} : { input_files: files }),
			...(assertions === undefined ? {} : { assertions }),
		};
	});
	const name = typeof skill === "string" ? slugify(skill) : "";
	return {
		...part,
		value: { ...(name ? { name } : {}), tests },
		written: (path) => part.written(asWritten(path)),
		unfilled: (path) => part.unfilled(asWritten(path)),
	};
}

/** Returns the source with locations that accept our field names. */
export function agentSkillsSource(source: Source): Source {
	return {
		...source,
		locate: (place) => source.locate(place.path ? { ...place, path: asWritten(place.path) } : place),
	};
}

const renamed: Readonly<Record<string, string>> = { tests: "evals", input: "prompt", input_files: "files" };

function asWritten([first, index, field, ...rest]: DocumentPath): DocumentPath {
	const path = [first, index, field].filter((key) => key !== undefined);
	return [...path.map((key) => (typeof key === "string" ? (lookUp(renamed, key) ?? key) : key)), ...rest];
}
