import type { AttemptId } from "./read-run.ts";
import type { UncheckedSignature } from "./run-signature.ts";

/** What a record says, and what it should say by the other records. */
export interface Difference {
	readonly kind: DifferenceKind;
	/** Whose; absent where the run as a whole is meant. */
	readonly attempt?: AttemptId;
	/** Relative to the run's directory. */
	readonly file?: string;
	/** Of `index.jsonl`, from 1. */
	readonly line?: number;
	/** Name of the grader; of a part of a composite with those around it. */
	readonly grader?: string;
	/** Which figure or fact, as it is spelled in the records. */
	readonly field?: string;
	readonly recorded?: unknown;
	readonly recomputed?: unknown;
	/** What there are several versions of: a file as `run.json` names it, a repository, a part of a fingerprint. */
	readonly of?: string;
	readonly versions?: readonly VersionUse[];
	/** Why, as a sentence without a full stop. */
	readonly reason?: string;
}

/** A version of something, with the attempts that were made of it. */
export interface VersionUse {
	/** Digest or commit. */
	readonly version: string;
	/** 0 for one that only `run.json` states. */
	readonly attempts: number;
	/** The first three. */
	readonly first: readonly AttemptId[];
}

export const differenceKinds = [
	/** A line of the index that is no row. */
	"row-unreadable",
	/** The index ends in the middle of a row. */
	"row-cut-off",
	/** A judged attempt has a second row. */
	"row-duplicated",
	/** A row of a test, target or attempt that was not planned. */
	"row-unplanned",
	/** A test without (all) its rows in a run whose summary counts it. */
	"row-missing",
	"file-missing",
	"file-unreadable",
	/** The file is not the one that was recorded. */
	"file-changed",
	/** A file, or a directory without files, that is not part of the record. */
	"file-added",
	/** A link, or something else that is not a plain file, or a file that may be executed. */
	"file-kind",
	/** There is no digest: of the run, or in a row. */
	"digest-missing",
	/** What holds the run's digest can't be read, or is not written as AgentV writes it. */
	"digest-unreadable",
	/** The signature is not one over this digest; or it is missing, or not that of an allowed signer, when that is demanded. */
	"signature",
	/** An attempt's file that no row names. */
	"file-without-row",
	/** The row says something else than the attempt's own file. */
	"fact",
	/** A grader's judgement is not what grading the recorded answer gives. */
	"grader",
	/** Attempts were made of different versions of one thing, or of another than `run.json` states. */
	"mixed-versions",
	/** An attempt's score or status does not follow from its graders. */
	"attempt",
	"summary-missing",
	"summary-unreadable",
	/** A figure of the summary does not follow from the rows. */
	"summary",
] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

/** Graders whose recorded scores were taken over. */
export interface NotReExecuted {
	readonly type: string;
	/** It judges by a program or model; secrets were taken out of what it judged; it ran into its time limit just now. */
	readonly reason: "not-reproducible" | "masked" | "timeout";
	readonly graders: number;
}

/** What verifying a run showed. */
export interface RunVerification {
	/** Absolute. */
	readonly directory: string;
	readonly runId: string;
	/** SHA-256 of `run.sha256`, which covers every file of the run; absent if there is none. */
	readonly digest?: string;
	/** Whose signature over the digest was found good, if that was asked for. */
	readonly signedBy?: string;
	/** What is known of its signature, if that was not asked for. */
	readonly signature?: UncheckedSignature;
	/** Tests × targets. */
	readonly planned: number;
	/** Of these, with all their attempts. */
	readonly finished: number;
	readonly attempts: number;
	/** Graders that judged the recorded answers again. */
	readonly reExecuted: number;
	readonly notReExecuted: readonly NotReExecuted[];
	/** Empty: all agrees. */
	readonly differences: readonly Difference[];
}
