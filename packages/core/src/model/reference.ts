import type { Place } from "../base/diagnostic.ts";
import type { CommandSpec, CommandWord } from "./command.ts";
import type { PathFound } from "./path-text.ts";

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

/** Returns the noun for a reference in messages. */
export function referenceNoun({ kind }: Pick<Reference, "kind">): string {
	return nouns[kind];
}

/** `opaque`: a shell text. `run-time`: the path exists only while a test runs. */
export type ReferenceState = "ok" | "missing" | "outside-eval" | "outside-root" | "opaque" | "run-time";

/** A path, URL or program that an eval refers to. */
export interface Reference {
	readonly kind: ReferenceKind;
	/** As written, after `${{ }}`. */
	readonly raw: string;
	readonly at: Place;
	/** Directory that `raw` is relative to. */
	readonly base: string;
	/** Absolute path; for `missing`, the first candidate. */
	readonly resolved: string;
	readonly state: ReferenceState;
	readonly found: PathFound | undefined;
	/** The kind of what is at `resolved`. */
	readonly onDisk: "file" | "directory" | "link" | "other" | "missing";
	/** A pattern; `resolved` is its base directory. */
	readonly glob?: true;
	/** A file found through a directory or a pattern: `raw` is not written anywhere. */
	readonly listed?: true;
	/** For a word of a command. */
	readonly word?: CommandWord;
	/** For words and working directories: the whole command. */
	readonly command?: CommandSpec;
}

/** `/bin/sh`, `/usr/bin/env` and `/dev/null` are equal on every machine. */
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

/** A command, whether or not it names files. */
export interface CommandUse {
	readonly kind: ReferenceKind;
	readonly command: CommandSpec;
}

export interface References {
	readonly files: readonly Reference[];
	readonly executables: readonly ExecutableUse[];
	readonly commands: readonly CommandUse[];
}
