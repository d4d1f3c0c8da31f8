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

/** `ssh-keygen` namespace, so that signatures for other purposes are not valid for a run. */
const namespace = "agentv-run";

/** Required signature of a run. */
export interface SignatureDemand {
	/** Absolute path of a file in the format of ALLOWED SIGNERS in `ssh-keygen`. */
	readonly allowedSigners: string;
	/** One of its principals; absent: any of them. */
	readonly signer?: string | undefined;
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Returns who signed the digest, or why no signature is valid. @throws AgentvError if `ssh-keygen`
 * or the signers file is missing
 */
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

/** How far a signature was checked without signers. */
type UncheckedSignature = "not-checked" | "signers-not-checked";

/**
 * Checks that a run's signature, if any, is one of its digest by any key; "not-checked" without
 * `ssh-keygen`.
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

/**
 * Signs the run's digest. @throws AgentvError if the key is unusable, or `ssh-keygen` is missing
 */
async function makeSignature(
	directory: string,
	key: string,
	options: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<string> {
	// ssh-keygen also opens the public key next to a private one, and waits for a pipe.
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
 * Signs the digest of a run with `ssh-keygen`, next to the record. Returns the digest.
 * @param key absolute path of a key for `ssh-keygen -Y sign`
 * @throws AgentvError `config` for a record that does not match its digest
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

/** A recorded value, and the expected one. */
export interface Difference {
	readonly kind: DifferenceKind;
	/** Absent for the run as a whole. */
	readonly attempt?: AttemptId;
	/** Relative to the run's directory. */
	readonly file?: string;
	/** 1-based line of `index.jsonl`. */
	readonly line?: number;
	/** Name of the grader; for a part of a composite after those of its composites. */
	readonly grader?: string;
	/** Which value, spelled as in the records. */
	readonly field?: string;
	readonly recorded?: unknown;
	readonly recomputed?: unknown;
	/** A file as in `run.json`, a repository, or a part of a fingerprint. */
	readonly of?: string;
	readonly versions?: readonly VersionUse[];
	/** A sentence without a full stop. */
	readonly reason?: string;
}

/** A version of an input, with its attempts. */
export interface VersionUse {
	/** Digest or commit. */
	readonly version: string;
	/** 0 if only `run.json` has it. */
	readonly attempts: number;
	/** The first three. */
	readonly first: readonly AttemptId[];
}

export const differenceKinds = [
	/** An invalid line of the index. */
	"row-unreadable",
	/** The index ends in the middle of a row. */
	"row-cut-off",
	/** A graded attempt has a second row. */
	"row-duplicated",
	/** A row of a test, target or attempt that was not planned. */
	"row-unplanned",
	/** A test without all its rows in a run whose summary counts it. */
	"row-missing",
	"file-missing",
	"file-unreadable",
	/** The file differs from the recorded one. */
	"file-changed",
	/** A file, or an empty directory, that is not part of the record. */
	"file-added",
	/** A link, special file, or executable. */
	"file-kind",
	/** There is no digest: of the run, or in a row. */
	"digest-missing",
	/** The file with the run's digest is unreadable, or not in AgentV's format. */
	"digest-unreadable",
	/** It does not match this digest; or a required one is missing or not allowed. */
	"signature",
	/** An attempt's file without a row. */
	"file-without-row",
	/** The row differs from the attempt's file. */
	"fact",
	/** A grader's recorded result differs from grading the recorded answer again. */
	"grader",
	/** Attempts have different versions of an input, or another than `run.json`. */
	"mixed-versions",
	/** An attempt's score or status does not follow from its graders. */
	"attempt",
	"summary-missing",
	"summary-unreadable",
	/** A figure of the summary does not follow from the rows. */
	"summary",
] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

/** Graders whose recorded scores were kept. */
export interface NotReExecuted {
	readonly type: string;
	/** It uses a program or model; secrets were redacted from its input; it timed out now. */
	readonly reason: "not-reproducible" | "masked" | "timeout";
	readonly graders: number;
}

export interface RunVerification {
	/** Absolute. */
	readonly directory: string;
	readonly runId: string;
	/** SHA-256 of `run.sha256`, which covers every file of the run; absent if there is none. */
	readonly digest?: string;
	/** Who signed the digest, if requested. */
	readonly signedBy?: string;
	/** What is known of the signature, if not requested. */
	readonly signature?: UncheckedSignature;
	/** Tests × targets. */
	readonly planned: number;
	/** Those with all attempts. */
	readonly finished: number;
	readonly attempts: number;
	/** Number of graders that ran again. */
	readonly reExecuted: number;
	readonly notReExecuted: readonly NotReExecuted[];
	/** Empty if everything agrees. */
	readonly differences: readonly Difference[];
}
