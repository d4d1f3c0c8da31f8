import { join } from "node:path";
import type { Environment } from "../environment.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { localGitSync } from "./local-git.ts";

/** Creates it on branch `main`, without the user's template (hooks, excludes). */
export function initRepository(
	directory: string,
	options: { readonly env: Environment; readonly bare?: boolean; readonly sha256?: boolean },
): void {
	const flags = [options.bare ? "--bare" : "", options.sha256 ? "--object-format=sha256" : ""].filter(Boolean);
	localGitSync(directory, ["init", "--quiet", "--template=", "--initial-branch=main", ...flags], { env: options.env });
	// Where git, and users, expect to find it.
	makeDirectory(join(directory, options.bare ? "info" : ".git/info"));
}
