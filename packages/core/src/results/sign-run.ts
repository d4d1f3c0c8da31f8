import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { readRunFile } from "../model/result-files.ts";
import { checkRunDigest, signatureName } from "../model/run-digest.ts";
import { makeSignature } from "./run-signature.ts";

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
