import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { readBytes } from "../io/files/read-text.ts";
import { pathKind, targetKind } from "../io/files/stat-path.ts";
import { runProcess } from "../io/run-process.ts";
import { digestName, signatureName } from "../model/run-digest.ts";

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
export type UncheckedSignature = "not-checked" | "signers-not-checked";

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
export async function makeSignature(
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
