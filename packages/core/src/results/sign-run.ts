import { join } from "node:path";
import { readRunFile } from "../eval/discover-evals.ts";
import { checkRunDigest, digestName, signatureName } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, targetKind } from "../machine/files.ts";
import { readBytes } from "../machine/read-file.ts";
import { runProcess } from "../machine/run-process.ts";
import { writeAtomic } from "../machine/write-file.ts";
import type { AttemptId } from "./read-run.ts";

/** What `ssh-keygen` binds a signature to, so that one made for something else is none of a run. */
const namespace = "agentv-run";

/** Whose signature a run must have. */
export interface SignatureDemand {
	/** Absolute path of a file as `ssh-keygen` describes it under ALLOWED SIGNERS. */
	readonly allowedSigners: string;
	/** One of its principals; absent: any of them. */
	readonly signer?: string | undefined;
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

/** Whose signature over its digest a run has, or why none is good. @throws AgentvError if `ssh-keygen` or the file of signers is missing */
export async function checkSignature(
	directory: string,
	{ allowedSigners, signer, ...options }: SignatureDemand,
): Promise<{ readonly signedBy?: string; readonly reason?: string }> {
	const signature = join(directory, signatureName);
	if (targetKind(allowedSigners) !== "file") throw new AgentvError("config", `${allowedSigners} is not a file`);
	if (pathKind(signature) === "missing") return { reason: "the run is not signed" };
	if (pathKind(join(directory, digestName)) !== "file") return { reason: "the run has no digest to sign" };
	if (pathKind(signature) !== "file") return { reason: `${signatureName} is not a regular file` };
	const known = ["-f", allowedSigners, "-s", signature];
	const found = await keygen(directory, ["-Y", "find-principals", ...known], options);
	const principals = found.exitCode === 0 ? found.stdout.split(/[\n,]/).filter((line) => line !== "") : [];
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	let said = "";
	for (const principal of signer === undefined ? principals : [signer]) {
		const how = ["-Y", "verify", ...known, "-I", principal, "-n", namespace];
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signedBy: principal };
		said = stderr.trim().split("\n")[0] ?? "";
	}
	if (principals.length === 0) return { reason: "the signature is not from an allowed signer" };
	if (signer !== undefined && !principals.includes(signer))
		return { reason: `it is signed by ${principals.join(", ")}, not by ${signer}` };
	return {
		reason: `the signature by ${principals.join(", ")} does not match this digest: the run, its record or the signature changed after signing (ssh-keygen: ${said})`,
	};
}

/** How far a signature was checked when no signers are named. */
type UncheckedSignature = "not-checked" | "signers-not-checked";

/**
 * Whether a run's signature, if it has one, is a signature over its digest by any key; "not-checked" without `ssh-keygen`.
 * @throws AgentvError `interrupted`
 */
export async function checkSignatureForm(
	directory: string,
	options: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly signature?: UncheckedSignature; readonly reason?: string }> {
	const signature = join(directory, signatureName);
	if (pathKind(signature) === "missing") return {};
	if (pathKind(signature) !== "file") return { reason: `${signatureName} is not a regular file` };
	if (pathKind(join(directory, digestName)) !== "file") return { reason: "the run has no digest to sign" };
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	const how = ["-Y", "check-novalidate", "-n", namespace, "-s", signature];
	try {
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signature: "signers-not-checked" };
		const said = stderr.trim().split("\n")[0] ?? "";
		return { reason: `${signatureName} is not a signature of this digest (ssh-keygen: ${said})` };
	} catch (error) {
		if (error instanceof AgentvError && error.code === "config") return { signature: "not-checked" };
		throw error;
	}
}

/** Returns a signature over the run's digest. @throws AgentvError if the key can't be used, or `ssh-keygen` is missing */
async function makeSignature(
	directory: string,
	key: string,
	options: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<string> {
	// ssh-keygen also opens the public key beside a private one, and waits for a pipe.
	for (const path of [key, `${key}.pub`])
		if (!["file", "missing"].includes(targetKind(path)))
			throw new AgentvError("config", `${path} is not a regular file`, { hint: "Specify a key file with --key." });
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	const { exitCode, stdout, stderr } = await keygen(directory, ["-Y", "sign", "-f", key, "-n", namespace], {
		...options,
		input,
	});
	if (exitCode === 0 && stdout.startsWith("-----BEGIN SSH SIGNATURE-----")) return stdout;
	throw new AgentvError("config", `ssh-keygen can't sign with ${key}: ${stderr.trim() || "no reason given"}`, {
		hint: "Use a private key, or a public key whose private key is in ssh-agent; ssh-agent also supports keys with a passphrase.",
	});
}

async function keygen(
	cwd: string,
	args: readonly string[],
	options: { readonly env: Environment; readonly signal?: AbortSignal | undefined; readonly input?: Uint8Array },
) {
	const { env, ...rest } = options;
	const result = await runProcess({
		argv: ["ssh-keygen", ...args],
		...{ cwd, env: { ...env, LC_ALL: "C" }, timeoutMs: 120_000, leftovers: "end" },
		...rest,
	});
	if (result.aborted) throw new AgentvError("interrupted", "ssh-keygen was interrupted");
	if (result.startError)
		throw new AgentvError("config", `ssh-keygen can't be run: ${result.startError.message}`, {
			hint: "Install the OpenSSH client (Debian package openssh-client).",
		});
	return result;
}

/**
 * Signs the digest of a run by `ssh-keygen`, beside the record. Returns the digest.
 * @param key absolute path of a key in a form that `ssh-keygen -Y sign` takes
 * @throws AgentvError `config` for a record that is not what its digest was made over
 */
export async function signRun(
	directory: string,
	key: string,
	options: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly digest: string; readonly file: string }> {
	readRunFile(directory);
	const { digest, problems } = checkRunDigest(directory);
	const [first] = problems;
	if (digest === undefined || first)
		throw new AgentvError(
			"config",
			digest === undefined
				? `${directory} has no digest to sign`
				: `${directory} does not match its digest: ${first?.file}`,
			{
				hint: "`agentv results verify` shows what differs; `agentv eval run --resume` finishes a run and writes its digest.",
			},
		);
	const file = join(directory, signatureName);
	writeAtomic(file, await makeSignature(directory, key, options), { noFollow: true });
	return { digest, file };
}

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
