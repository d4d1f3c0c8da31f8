import { decoded, redactAddress } from "./address-secrets.ts";
import { parseGitUrl } from "./git-url.ts";
import { redactText } from "./redact.ts";
import { looksLikeToken } from "./secret-shapes.ts";

export interface SplitUrl {
	readonly url: string;
	readonly credentials?: { readonly username: string; readonly password: string };
}

/**
 * Removes user and password from an http(s) URL, so that they can be passed to git outside its
 * arguments.
 * A plain user name (`https://ada@host/`) stays; a lone token, and a user part that comes from a
 * variable, is removed.
 * @param written the URL as the file has it, with its `${{ }}`
 */
export function splitCredentials(url: string, written: string = url): SplitUrl {
	const { kind, userPart, hasPassword } = parseGitUrl(url);
	if ((kind !== "https" && kind !== "http") || userPart === undefined) return { url };
	const fromVariable = /^[^/]*\/\/[^/]*\$\{\{[\s\S]*@/.test(written);
	if (!hasPassword && !fromVariable && !looksLikeToken(userPart)) return { url };
	const [user = "", ...rest] = userPart.split(":");
	return {
		url: withoutUser(url, userPart),
		credentials: { username: decoded(user), password: decoded(rest.join(":")) },
	};
}

/** Returns a URL that is safe to show. A plain `git@host:path` stays. */
export function redactUrl(url: string): string {
	const { kind, userPart, hasPassword } = parseGitUrl(url);
	if (kind === "other") return redactText(url);
	const isShown = userPart === undefined || (kind === "scp" && !hasPassword);
	return redactAddress(redactText(isShown ? url : withoutUser(url, userPart)));
}

function withoutUser(url: string, userPart: string): string {
	return url.replace(`${userPart}@`, () => "");
}
