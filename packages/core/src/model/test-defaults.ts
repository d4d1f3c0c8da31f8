import { join } from "node:path";
import { exactData } from "../base/written-json.ts";
import type { EvalEnvelope } from "../schema/eval-file.ts";
import { checkNames, checkNamesOfFile } from "./check-names.ts";
import type { Assertion, ContentPiece, Message, Suite } from "./eval-types.ts";
import { readAssertions } from "./load-assertions.ts";
import { inputFilePieces, readMessages } from "./load-messages.ts";
import type { Loading } from "./loading.ts";
import { tagsOf } from "./read-tags.ts";
import { child, type Part, type Vars } from "./source.ts";
import { fillVars, noVars, withVarsInGraders } from "./template-vars.ts";

/** An eval's defaults for its tests. */
export interface TestDefaults {
	readonly suite: Suite;
	readonly tags: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	/** Returns the messages before every test's own, for these `vars`. */
	readonly input: (vars: Vars) => readonly Message[];
	readonly inputFiles: readonly ContentPiece[];
	readonly assertions: (vars: Vars) => readonly Assertion[];
	/** Returns PROMPT.md next to the eval; a call records that the file is needed. */
	readonly prompt: (vars: Vars) => string | undefined;
	/** Reads what no test needed, so that its problems are reported, too. */
	readonly finish: () => void;
}

export function testDefaults(suite: Suite, envelope: EvalEnvelope, part: Part, loading: Loading): TestDefaults {
	const base = loading.scope.directory;
	const assertionsPart = gradersPart(envelope, part);
	const inputPart = child(part, "input");
	const input = perVars(
		() => envelope.input,
		(vars) => {
			if (envelope.input === undefined) return [];
			checkNames(inputPart, vars, loading);
			return readMessages(fillVars(envelope.input, vars), inputPart, base);
		},
	);
	const assertions = perVars(
		() => assertionsPart?.value,
		(vars) => (assertionsPart ? readAssertions(withVarsInGraders(assertionsPart, vars), base, loading) : []),
		// A prompt file or an include can contain variables, too.
		(value) => /"(prompt|include)":/.test(value),
	);
	return {
		suite,
		tags: tagsOf(envelope.tags),
		metadata: exactData(envelope.metadata ?? {}, child(part, "metadata").written),
		input: input.of,
		inputFiles: inputFilePieces(envelope.inputFiles, child(part, "input_files"), base),
		assertions: assertions.of,
		prompt: promptFile(base, suite.file, loading),
		finish: () => {
			if (!assertions.isRead()) assertions.of(noVars);
		},
	};
}

/** Returns the eval's own graders, in either spelling. */
function gradersPart({ assertions, assert, evaluators, execution }: EvalEnvelope, part: Part): Part | undefined {
	if (assertions !== undefined) return child(part, "assertions");
	if (assert !== undefined) return child(part, "assert");
	if (evaluators !== undefined) return child(part, "evaluators");
	if (execution?.assertions !== undefined) return child(part, "execution", "assertions");
	return execution?.evaluators === undefined ? undefined : child(part, "execution", "evaluators");
}

/** Reads something once for all tests, or for each test with `vars` if it uses any. */
function perVars<Result>(
	value: () => unknown,
	read: (vars: Vars) => Result,
	varies: (json: string) => boolean = () => false,
) {
	let plain: Result | undefined;
	let isRead = false;
	let namesSome: boolean | undefined;
	const isVarying = () => {
		if (namesSome === undefined) {
			const json = JSON.stringify(value() ?? null);
			namesSome = json.includes("{{") || varies(json);
		}
		return namesSome;
	};
	return {
		isRead: () => isRead,
		of: (vars: Vars): Result => {
			isRead = true;
			if (vars.isGiven && isVarying()) return read(vars);
			plain ??= read(noVars);
			return plain;
		},
	};
}

function promptFile(directory: string, evalFile: string, loading: Loading): TestDefaults["prompt"] {
	const file = join(directory, "PROMPT.md");
	const exists = loading.view.kind(file) === "file";
	let text: string | undefined;
	return (vars) => {
		if (!exists) return undefined;
		if (text === undefined) {
			const path = { raw: "./PROMPT.md", at: { file: evalFile, path: [] }, base: directory };
			loading.files.push({ kind: "prompt", path, resolved: file });
			text = loading.plainText(file, path.at) ?? "";
		}
		checkNamesOfFile(text, file, vars, loading);
		return fillVars(text.trim(), vars);
	};
}
