import { localGit } from "../../io/git/local-git.ts";
import { plainGitEnvironment } from "../workspace-git.ts";
import type { CheckoutOptions } from "./materialise.ts";

/** An entry of a repository's index that `sparse` did not leave out. */
export interface CheckedOutFile {
	/** As git writes it: `160000` is a submodule. */
	readonly mode: string;
	/** Of a submodule its commit. */
	readonly sha: string;
	/** Relative to the repository. */
	readonly path: string;
}

/** Lists what is checked out in a repository that `materialise` made. */
export async function checkedOutFiles(
	directory: string,
	{ env, signal }: Pick<CheckoutOptions, "env" | "signal">,
): Promise<CheckedOutFile[]> {
	const { stdout } = await localGit(directory, ["ls-files", "-z", "-t", "--stage"], {
		env: plainGitEnvironment(env),
		signal,
	});
	return stdout.split("\0").flatMap((entry) => {
		// `S` marks what is left out.
		const [, tag, mode, sha, path] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? [];
		return mode && sha && path && tag !== "S" ? [{ mode, sha, path }] : [];
	});
}
