import type { CheckAnswer, FindingAnswer, RuleAnswer } from "./findings.ts";
import type { Page } from "./page.ts";

/** What it costs time to know of an eval: it is loaded and validated for this. */
export interface EvalMarks {
	readonly name: string;
	readonly tests: number;
	readonly targets: readonly string[];
	readonly errors: number;
	readonly warnings: number;
}

/** How the latest run of an eval ended. */
export interface LastResultAnswer {
	readonly run: string;
	/** ISO 8601. */
	readonly started_at: string;
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	readonly planned: number;
}

export interface EvalEntry {
	readonly id: string;
	/** The benchmark's id; null: Studio's own directory. */
	readonly benchmark: string | null;
	/** Relative to the benchmark, or to Studio's directory. */
	readonly file: string;
	/** Null until they are known; `GET /api/evals/marks` brings them. */
	readonly marks: EvalMarks | null;
	readonly last_result: LastResultAnswer | null;
	/** The job that runs it now. */
	readonly job: string | null;
}

export interface EvalListAnswer extends Page<EvalEntry> {
	/** Why there are none, where something is wrong: the directory is missing, not synced yet. */
	readonly problem: string | null;
}

/** Events of `GET /api/evals/marks`. */
export type EvalMarkEvent =
	| { readonly type: "marks"; readonly id: string; readonly marks: EvalMarks }
	| { readonly type: "end" };

/** A command as it will be run; `${{ NAME }}` stands where a variable's value will. */
export interface CommandAnswer {
	readonly kind: "hook" | "extension" | "preprocessor" | "grader" | "prompt" | "target" | "healthcheck";
	/** `before_each`, the grader's, the target's name. */
	readonly name: string;
	readonly command: string;
	/** File and line, relative to the benchmark. */
	readonly at: string;
	/** A shell text: the files that it uses can't be known. */
	readonly shell: boolean;
}

export interface TargetAnswer {
	readonly name: string;
	/** `target` runs tests, `grader` judges answers, `fallback` steps in. */
	readonly role: "target" | "grader" | "fallback";
	readonly provider: string | null;
	readonly model: string | null;
	/** Names from the chosen one to the concrete one. */
	readonly via: readonly string[];
	/** Where requests go, for providers that have a server; user part and query left out. */
	readonly host: string | null;
	/** Names of the variables whose values it gets as key or header. Never a value. */
	readonly keys: readonly { readonly name: string; readonly set: boolean }[];
	/** A key stands in a file as it is. */
	readonly literal_key: boolean;
	/** A program of this machine, which inherits every variable of the environment. */
	readonly inherits_environment: boolean;
	/** Why it can't be used. */
	readonly problem: string | null;
}

export interface WorkspaceAnswer {
	readonly template: string | null;
	readonly isolation: "shared" | "per_test";
	readonly repos: readonly { readonly path: string; readonly repo: string; readonly commit: string | null }[];
}

/** One eval: everything its screen shows but the tests. */
export interface EvalAnswer {
	readonly id: string;
	readonly benchmark: string | null;
	readonly file: string;
	readonly name: string;
	readonly description: string | null;
	readonly tags: readonly string[];
	/** The file as it is written; literal credentials are `***`. */
	readonly source: string;
	/** It is longer than the 1 MB that is sent. */
	readonly source_cut: boolean;
	/** The smallest directory that holds everything the eval needs, relative as `file` is. */
	readonly portable_root: string;
	readonly errors: number;
	readonly warnings: number;
	/** At most 1,000. */
	readonly findings: readonly FindingAnswer[];
	readonly checks: readonly CheckAnswer[];
	/** Docs of the rules that found something. */
	readonly rules: readonly RuleAnswer[];
	readonly tests: number;
	readonly targets: readonly TargetAnswer[];
	readonly workspace: WorkspaceAnswer | null;
	/** Hooks, extensions, graders, target commands: what a run executes on this machine. */
	readonly commands: readonly CommandAnswer[];
	/** Variables that it names, and whether they are set; never a value. */
	readonly variables: readonly { readonly name: string; readonly state: "set" | "default" | "unset" }[];
	readonly last_result: LastResultAnswer | null;
	/** The job that runs it now. */
	readonly job: string | null;
	/** Running it executes what others wrote: it belongs to a synced benchmark, so ask first. */
	readonly foreign: boolean;
}

/** A test in the list of an eval. */
export interface EvalTestAnswer {
	readonly id: string;
	readonly description: string | null;
	/** The beginning of its input, at most 300 characters. */
	readonly input: string;
	readonly assertions: readonly string[];
	readonly target: string | null;
	readonly tags: readonly string[];
	/** Line in `file`, where it is known. */
	readonly file: string;
	readonly line: number | null;
}
export type EvalTestsAnswer = Page<EvalTestAnswer>;

/** Something that a run reads or reaches. `new`: others wrote the eval, and the user has yet to consent to it. */
export interface AccessAnswer {
	readonly kind: "variable" | "host" | "file";
	readonly name: string;
	readonly new: boolean;
}

/** What a run will execute, to be confirmed before it starts. */
export interface RunPlanAnswer {
	/** Tests × targets. */
	readonly tests: number;
	/** With repeats. */
	readonly attempts: number;
	readonly targets: readonly TargetAnswer[];
	readonly commands: readonly CommandAnswer[];
	readonly repos: readonly { readonly path: string; readonly repo: string; readonly commit: string | null }[];
	/** Variables, hosts, and files outside the eval's root; empty where it can't be run now. */
	readonly access: readonly AccessAnswer[];
	/** Why it can't be run now. */
	readonly problems: readonly string[];
	/** Belongs to a synced benchmark: others wrote what runs. */
	readonly foreign: boolean;
	/** Sent back with `POST …/run`: only what was looked at is run. */
	readonly digest: string;
}

export interface FixPreviewAnswer {
	/** One unified diff a file. */
	readonly files: readonly { readonly file: string; readonly diff: string; readonly created: boolean }[];
	/** What each change does, in words. */
	readonly changes: readonly { readonly rule: string; readonly file: string; readonly says: string }[];
	/** Findings whose rule has a fix that can't be made here, and why. */
	readonly refused: readonly { readonly rule: string; readonly reason: string }[];
	/** Sent back with `POST …/fix`: only what was looked at is written. */
	readonly digest: string;
}

export interface FixAnswer {
	readonly files: readonly string[];
	readonly fixed: number;
	readonly errors: number;
	readonly warnings: number;
}
