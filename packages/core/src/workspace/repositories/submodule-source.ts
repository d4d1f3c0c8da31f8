import { AgentvError } from "../../base/agentv-error.ts";
import { redactUrl, splitCredentials } from "../../base/git-credentials.ts";
import { parseGitUrl } from "../../base/git-url.ts";
import { realPath, targetKind } from "../../io/files/stat-path.ts";
import { checkGitOperand } from "../../io/git/check-git-operand.ts";
import type { RepositorySource } from "./repository-source.ts";

/**
 * Returns the source of a submodule.
 * @param url from `.gitmodules`; relative to its repository if it begins with `./` or `../`
 * @throws AgentvError for what must not be passed to git, and for a local path in a repository from
 * elsewhere
 */
export function submoduleSource(parent: RepositorySource, url: string): RepositorySource {
	checkGitOperand(url);
	const isRelative = /^\.\.?(\/|$)/.test(url);
	if (isRelative && parent.kind === "bundle")
		throw new AgentvError(
			"config",
			`its URL ${JSON.stringify(url)} is relative, which can't be resolved from a bundle`,
		);
	const { url: whole, credentials } = splitCredentials(isRelative ? resolveUrl(parent.url, url) : url);
	checkGitOperand(whole);
	const { kind, path } = parseGitUrl(whole);
	if (kind === "other") throw new AgentvError("config", `${JSON.stringify(redactUrl(url))} is not a repository`);
	if (kind === "path" || kind === "file") return localSource(parent, kind === "file" ? decodeURI(path) : whole, url);
	const login = credentials ?? loginOf(parent, whole);
	return {
		url: whole,
		kind: "remote",
		shown: redactUrl(whole),
		...(login ? { credentials: { ...login, url: whole } } : {}),
	};
}

/** A remote repository must not add local files to a workspace. */
function localSource(parent: RepositorySource, path: string, url: string): RepositorySource {
	const shown = redactUrl(url);
	if (parent.kind !== "directory" || !path.startsWith("/"))
		throw new AgentvError("refused", `its URL ${JSON.stringify(shown)} is a local path`);
	const kind = targetKind(path);
	if (kind === "missing") throw new AgentvError("not-found", `${path} does not exist`);
	return { url: realPath(path), kind: kind === "directory" ? "directory" : "bundle", shown: path };
}

/** Returns the parent's login, if the submodule is on the same server. */
function loginOf(parent: RepositorySource, url: string): { username: string; password: string } | undefined {
	const server = (text: string) => /^[a-z]+:\/\/[^/?#]+/i.exec(text)?.[0].toLowerCase();
	if (!parent.credentials || server(parent.url) === undefined || server(parent.url) !== server(url)) return undefined;
	const { username, password } = parent.credentials;
	return { username, password };
}

/** Each `../` removes the last part of the parent's path, but never the server. */
function resolveUrl(parent: string, relative: string): string {
	const server = /^([a-z][a-z0-9+.-]*:\/\/[^/]*\/|[^/:]+:|\/)/i.exec(parent)?.[0] ?? "";
	const parts = parent
		.slice(server.length)
		.replace(/(?<!\/)\/+$/, "")
		.split("/");
	let rest = relative;
	for (let step = /^(\.\.?)(\/|$)/.exec(rest); step; step = /^(\.\.?)(\/|$)/.exec(rest)) {
		rest = rest.slice(step[0].length);
		if (step[1] === ".." && parts.pop() === undefined)
			throw new AgentvError("config", `its URL ${JSON.stringify(relative)} points outside the server`);
	}
	return server + [...parts, ...rest.split("/")].filter((part) => part !== "").join("/");
}
