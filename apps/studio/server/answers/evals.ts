import type { Page } from "../request.ts";
import type { CheckAnswer, FindingAnswer, RuleAnswer } from "./findings.ts";

/** Status of an eval that requires loading and validating it. */
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
	/** The benchmark's id; null for Studio's own directory. */
	readonly benchmark: string | null;
	/** Relative to the benchmark, or to Studio's directory. */
	readonly file: string;
	/** Null until known; see `GET /api/evals/marks`. */
	readonly marks: EvalMarks | null;
	readonly last_result: LastResultAnswer | null;
	/** The running job. */
	readonly job: string | null;
}

export interface EvalListAnswer extends Page<EvalEntry> {
	/** Why there are none, for example a missing directory or a benchmark that was never synced. */
	readonly problem: string | null;
}

/** Events of `GET /api/evals/marks`. */
export type EvalMarkEvent =
	| { readonly type: "marks"; readonly id: string; readonly marks: EvalMarks }
	| { readonly type: "end" };

/** A command as it will be run; variables appear as `${{ NAME }}`. */
export interface CommandAnswer {
	readonly kind: "hook" | "extension" | "preprocessor" | "grader" | "prompt" | "target" | "healthcheck";
	/** `before_each`, the grader's, the target's name. */
	readonly name: string;
	readonly command: string;
	/** File and line, relative to the benchmark. */
	readonly at: string;
	/** Whether it is a shell script, whose files can't be resolved statically. */
	readonly shell: boolean;
}

export interface TargetAnswer {
	readonly name: string;
	/** `target` runs tests, `grader` grades answers, `fallback` replaces a failing target. */
	readonly role: "target" | "grader" | "fallback";
	readonly provider: string | null;
	readonly model: string | null;
	/** The chain of `use_target` names, the concrete target last. */
	readonly via: readonly string[];
	/** The server, for providers that have one; without user part and query. */
	readonly host: string | null;
	/** Variables whose values it receives as key or header. Never a value. */
	readonly keys: readonly { readonly name: string; readonly set: boolean }[];
	/** Whether a key is stored in a file in plain text. */
	readonly literal_key: boolean;
	/** Whether it is a local program, which inherits all environment variables. */
	readonly inherits_environment: boolean;
	/** Why it can't be used. */
	readonly problem: string | null;
}

export interface WorkspaceAnswer {
	readonly template: string | null;
	readonly isolation: "shared" | "per_test";
	readonly repos: readonly { readonly path: string; readonly repo: string; readonly commit: string | null }[];
}

/** An eval without its tests. */
export interface EvalAnswer {
	readonly id: string;
	readonly benchmark: string | null;
	readonly file: string;
	readonly name: string;
	readonly description: string | null;
	readonly tags: readonly string[];
	/** The file's text; literal credentials are `***`. */
	readonly source: string;
	/** Whether it was cut at 1 MB. */
	readonly source_cut: boolean;
	/** The smallest directory that contains everything the eval needs, relative like `file`. */
	readonly portable_root: string;
	readonly errors: number;
	readonly warnings: number;
	/** At most 1,000. */
	readonly findings: readonly FindingAnswer[];
	readonly checks: readonly CheckAnswer[];
	/** Docs of the rules with findings. */
	readonly rules: readonly RuleAnswer[];
	readonly tests: number;
	readonly targets: readonly TargetAnswer[];
	readonly workspace: WorkspaceAnswer | null;
	/** What a run executes on this machine: hooks, extensions, graders, target commands. */
	readonly commands: readonly CommandAnswer[];
	/** Variables that it uses, and whether they are set; never a value. */
	readonly variables: readonly { readonly name: string; readonly state: "set" | "default" | "unset" }[];
	readonly last_result: LastResultAnswer | null;
	/** The running job. */
	readonly job: string | null;
	/** Whether it belongs to a synced benchmark, so that running it executes foreign code and needs consent. */
	readonly foreign: boolean;
}

export interface EvalTestAnswer {
	readonly id: string;
	readonly description: string | null;
	/** The beginning of its input, at most 300 characters. */
	readonly input: string;
	readonly assertions: readonly string[];
	readonly target: string | null;
	readonly tags: readonly string[];
	/** Line in `file`, if known. */
	readonly file: string;
	readonly line: number | null;
}
export type EvalTestsAnswer = Page<EvalTestAnswer>;

/** Something that a run reads or connects to. `new`: not yet consented to, in an eval that needs consent. */
export interface AccessAnswer {
	readonly kind: "variable" | "host" | "file";
	readonly name: string;
	readonly new: boolean;
}

/** What a run will execute, for confirmation before it starts. */
export interface RunPlanAnswer {
	/** Tests × targets. */
	readonly tests: number;
	/** With repeats. */
	readonly attempts: number;
	readonly targets: readonly TargetAnswer[];
	readonly commands: readonly CommandAnswer[];
	readonly repos: readonly { readonly path: string; readonly repo: string; readonly commit: string | null }[];
	/** Variables, hosts, and files outside the eval's root; empty if it can't be run. */
	readonly access: readonly AccessAnswer[];
	/** Why it can't be run. */
	readonly problems: readonly string[];
	/** Whether it belongs to a synced benchmark, written by others. */
	readonly foreign: boolean;
	/** For `POST …/run`, which only runs a reviewed plan. */
	readonly digest: string;
}

export interface FixPreviewAnswer {
	/** One unified diff per file. */
	readonly files: readonly { readonly file: string; readonly diff: string; readonly created: boolean }[];
	/** Descriptions of the changes. */
	readonly changes: readonly { readonly rule: string; readonly file: string; readonly says: string }[];
	/** Findings that can't be fixed although their rule has a fix, and why. */
	readonly refused: readonly { readonly rule: string; readonly reason: string }[];
	/** For `POST …/fix`, which only applies reviewed fixes. */
	readonly digest: string;
}

export interface FixAnswer {
	readonly files: readonly string[];
	readonly fixed: number;
	readonly errors: number;
	readonly warnings: number;
}
