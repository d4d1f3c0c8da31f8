import { join } from "node:path";
import { readRunFile } from "../eval/discover-evals.ts";
import { checkRunDigest, digestName, signatureName } from "../eval/run-digest.ts";
import type { RunVerification } from "../format/run-reports.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, targetKind } from "../machine/files.ts";
import { readBytes } from "../machine/read-file.ts";
import { runProcess } from "../machine/run-process.ts";
import { writeAtomic } from "../machine/write-file.ts";

/** `ssh-keygen` namespace, so that signatures for other purposes are not valid for a run. */
const namespace = "agentv-run";

interface KeygenOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

export interface SignatureDemand extends KeygenOptions {
	/** Absolute path of a file in the format of ALLOWED SIGNERS in `ssh-keygen`. */
	readonly allowedSigners: string;
	/** One of the file's principals; default: any. */
	readonly signer?: string | undefined;
}

/** Returns who signed, or why no signature is valid. @throws AgentvError */
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
	const result = await keygen(directory, ["-Y", "find-principals", ...known], options);
	const principals = result.exitCode === 0 ? result.stdout.split(/[\n,]/).filter((line) => line !== "") : [];
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	let reason = "";
	for (const principal of signer === undefined ? principals : [signer]) {
		const how = ["-Y", "verify", ...known, "-I", principal, "-n", namespace];
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signedBy: principal };
		reason = firstLine(stderr);
	}
	if (principals.length === 0) return { reason: "the signature is not from an allowed signer" };
	if (signer !== undefined && !principals.includes(signer))
		return { reason: `it is signed by ${principals.join(", ")}, not by ${signer}` };
	return {
		reason: `the signature by ${principals.join(", ")} does not match this digest: the run, its record or the signature changed after signing (ssh-keygen: ${reason})`,
	};
}

/** Accepts any key; "not_checked" without `ssh-keygen`. @throws AgentvError `interrupted` */
export async function checkSignatureForm(
	directory: string,
	options: KeygenOptions,
): Promise<{ readonly signature?: RunVerification["signature"]; readonly reason?: string }> {
	const signature = join(directory, signatureName);
	if (pathKind(signature) === "missing") return {};
	if (pathKind(signature) !== "file") return { reason: `${signatureName} is not a regular file` };
	if (pathKind(join(directory, digestName)) !== "file") return { reason: "the run has no digest to sign" };
	const input = readBytes(join(directory, digestName), { maxBytes: 2 ** 29 });
	const how = ["-Y", "check-novalidate", "-n", namespace, "-s", signature];
	try {
		const { exitCode, stderr } = await keygen(directory, how, { ...options, input });
		if (exitCode === 0) return { signature: "signers_not_checked" };
		return { reason: `${signatureName} is not a signature of this digest (ssh-keygen: ${firstLine(stderr)})` };
	} catch (error) {
		if (error instanceof AgentvError && error.code === "config") return { signature: "not_checked" };
		throw error;
	}
}

async function makeSignature(directory: string, key: string, options: KeygenOptions): Promise<string> {
	// `ssh-keygen` also opens the public key next to a private one, and would wait for a pipe.
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

function firstLine(text: string): string {
	return text.trim().split("\n")[0] ?? "";
}

async function keygen(
	cwd: string,
	args: readonly string[],
	{ env, ...rest }: KeygenOptions & { readonly input?: Uint8Array },
) {
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
 * Signs a run's digest with `ssh-keygen`, next to the record, and returns the digest.
 * @param key absolute path of a key for `ssh-keygen -Y sign`
 * @throws AgentvError `config` for a record that does not match its digest
 */
export async function signRun(
	directory: string,
	key: string,
	options: KeygenOptions,
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
