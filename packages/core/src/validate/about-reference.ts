import type { Reference, ReferenceKind } from "../model/references.ts";

const nouns: Readonly<Record<ReferenceKind, string>> = {
	tests: "test data",
	suite: "suite",
	"workspace-file": "workspace file",
	include: "assertion include",
	"prompt-file": "prompt file",
	template: "workspace template",
	repository: "repository",
	"input-file": "input file",
	prompt: "prompt file",
	"metadata-file": "file",
	fixtures: "fixtures file",
	hook: "hook script",
	grader: "grader script",
	"target-command": "target script",
	healthcheck: "health check script",
	preprocessor: "preprocessor script",
	"prompt-command": "prompt script",
	"working-directory": "working directory",
	extension: "extension module",
	"agent-rules": "agent rules",
	"custom-grader": "grader program",
};

/** How messages call what a reference leads to. */
export function referenceNoun(reference: Pick<Reference, "kind">): string {
	return nouns[reference.kind];
}

/** What every finding about a reference tells. */
export interface AboutReference {
	/** As written, after `${{ }}`. */
	readonly raw: string;
	/** What it is: "test data", "hook script". */
	readonly kind: string;
	/** Set for a word of a command that is one text: the part of it that is meant. */
	readonly mark?: string;
}

export function aboutReference(reference: Reference): AboutReference {
	const { raw, word, command } = reference;
	const mark = word && typeof command?.text === "string" ? { mark: raw } : {};
	return { raw, kind: referenceNoun(reference), ...mark };
}
