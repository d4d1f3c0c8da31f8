import { join } from "node:path";
import type { Environment } from "../environment.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { localGitSync } from "./local-git.ts";

/** Makes an empty repository in an existing directory: branch `main`, nothing of the user's template in it (hooks, excludes). */
export function initRepository(
	directory: string,
	options: { readonly env: Environment; readonly bare?: boolean; readonly sha256?: boolean },
): void {
	const flags = [options.bare ? "--bare" : "", options.sha256 ? "--object-format=sha256" : ""].filter(Boolean);
	localGitSync(directory, ["init", "--quiet", "--template=", "--initial-branch=main", ...flags], { env: options.env });
	// Where git, and people, expect to find it.
	makeDirectory(join(directory, options.bare ? "info" : ".git/info"));
}
