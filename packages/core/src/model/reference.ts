import type { Place } from "../base/diagnostic.ts";
import type { CommandSpec, CommandWord } from "./command.ts";
import type { PathFound } from "./path-text.ts";

/** What a reference is for. */
export type ReferenceKind =
	| "tests"
	| "suite"
	| "workspace-file"
	| "include"
	| "prompt-file"
	| "template"
	| "repository"
	| "input-file"
	| "prompt"
	| "metadata-file"
	| "fixtures"
	| "hook"
	| "grader"
	| "target-command"
	| "healthcheck"
	| "preprocessor"
	| "prompt-command"
	| "working-directory"
	| "extension"
	| "agent-rules"
	| "custom-grader";

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
export function referenceNoun({ kind }: Pick<Reference, "kind">): string {
	return nouns[kind];
}

/** `opaque`: a shell text whose files can't be known. `run-time`: the path exists only while a test runs. */
export type ReferenceState = "ok" | "missing" | "outside-eval" | "outside-root" | "opaque" | "run-time";

/** One thing outside its own text that an eval points at. */
export interface Reference {
	readonly kind: ReferenceKind;
	/** As written, after `${{ }}`. */
	readonly raw: string;
	readonly at: Place;
	/** Directory that `raw` is relative to. */
	readonly base: string;
	/** Absolute path; for `missing`, where it was looked for first. */
	readonly resolved: string;
	readonly state: ReferenceState;
	readonly found: PathFound | undefined;
	/** What stands at `resolved`. */
	readonly onDisk: "file" | "directory" | "link" | "other" | "missing";
	/** A pattern; `resolved` is the directory that it searches. */
	readonly glob?: true;
	/** One of the files that a directory or a pattern leads to: `raw` is nobody's writing. */
	readonly listed?: true;
	/** For a word of a command: which word. */
	readonly word?: CommandWord;
	/** For words and working directories: the whole command. */
	readonly command?: CommandSpec;
}

/** `/bin/sh`, `/usr/bin/env`, `/dev/null` are the same on every machine that can run the command. */
export function isSystemPath({ word, resolved }: Reference): boolean {
	return (
		word !== undefined &&
		/^\/(?:(?:usr\/)?bin\/|dev\/(?:null|zero|random|urandom|stdin|stdout|stderr|tty)$)/.test(resolved)
	);
}

/** A program named by a bare word (`node`, `git`), found through PATH at run time. */
export interface ExecutableUse {
	readonly name: string;
	readonly at: Place;
	readonly command: CommandSpec;
}

/** A command that something runs, whether it names files or not. */
export interface CommandUse {
	readonly kind: ReferenceKind;
	readonly command: CommandSpec;
}

export interface References {
	readonly files: readonly Reference[];
	readonly executables: readonly ExecutableUse[];
	readonly commands: readonly CommandUse[];
}
