import { join } from "node:path";
import type { EvalEnvelope } from "../schema/eval-file.ts";
import type { Assertion, ContentPiece, Message, Suite } from "./eval-types.ts";
import { readAssertions } from "./load-assertions.ts";
import { inputFilePieces, readMessages } from "./load-messages.ts";
import type { Loading } from "./loading.ts";
import { tagsOf } from "./read-tags.ts";
import { child, type Part } from "./source.ts";
import { fillVars, type Vars, withVars } from "./template-vars.ts";

/** What an eval gives to each of its tests. */
export interface TestDefaults {
	readonly suite: Suite;
	readonly tags: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	/** Messages put before every test's own, for these `vars`. */
	readonly input: (vars: Vars) => readonly Message[];
	readonly inputFiles: readonly ContentPiece[];
	readonly assertions: (vars: Vars) => readonly Assertion[];
	/** Text of PROMPT.md beside the eval; asking for it records that the file is needed. */
	readonly prompt: () => string | undefined;
}

/** Reads what an eval gives to each of its tests. */
export function testDefaults(suite: Suite, envelope: EvalEnvelope, part: Part, loading: Loading): TestDefaults {
	const base = loading.scope.directory;
	const key = (["assertions", "assert", "evaluators"] as const).find((name) => envelope[name] !== undefined);
	const assertionsPart = key && child(part, key);
	const plainAssertions = assertionsPart ? readAssertions(assertionsPart, base, loading) : [];
	const inputVaries = onceAsked(() => namesVars(envelope.input));
	const assertionsVary = onceAsked(() => assertionsPart !== undefined && namesVars(assertionsPart.value));
	const input = envelope.input === undefined ? [] : readMessages(envelope.input, child(part, "input"), base);
	return {
		suite,
		tags: tagsOf(envelope.tags),
		metadata: envelope.metadata ?? {},
		input: (vars) =>
			envelope.input !== undefined && Object.keys(vars).length > 0 && inputVaries()
				? readMessages(fillVars(envelope.input, vars), child(part, "input"), base)
				: input,
		inputFiles: inputFilePieces(envelope.inputFiles, child(part, "input_files"), base),
		assertions: (vars) =>
			assertionsPart && Object.keys(vars).length > 0 && assertionsVary()
				? readAssertions(withVars(assertionsPart, vars), base, loading)
				: plainAssertions,
		prompt: promptFile(base, suite.file, loading),
	};
}

function namesVars(value: unknown): boolean {
	return JSON.stringify(value ?? null).includes("{{");
}

/** Most tests have no `vars`, so that nobody asks. */
function onceAsked(look: () => boolean): () => boolean {
	let answer: boolean | undefined;
	return () => {
		answer ??= look();
		return answer;
	};
}

function promptFile(directory: string, evalFile: string, loading: Loading): TestDefaults["prompt"] {
	const file = join(directory, "PROMPT.md");
	const exists = loading.view.kind(file) === "file";
	let text: string | undefined;
	return () => {
		if (!exists || text !== undefined) return text;
		const path = { raw: "./PROMPT.md", at: { file: evalFile, path: [] }, base: directory };
		loading.files.push({ kind: "prompt", path, resolved: file });
		text = loading.text(file, path.at)?.trim() ?? "";
		return text;
	};
}
