import { decoded, redactAddress } from "./address-secrets.ts";
import { parseGitUrl } from "./git-url.ts";
import { redactText } from "./redact.ts";
import { looksLikeToken } from "./secret-shapes.ts";

/** A URL without its credentials, and those, decoded. */
export interface SplitUrl {
	readonly url: string;
	readonly credentials?: { readonly username: string; readonly password: string };
}

/**
 * Takes user and password out of an http(s) URL, so that they can reach git by another way than its arguments.
 * A plain user name (`https://ada@host/`) stays; a token alone, and a user part that comes from a variable, goes.
 * @param written the URL as its file says it, with its `${{ }}`
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

/** Returns a URL as it can be shown: without user and password, secrets of its query and its fragment. A plain `git@host:path` stays. */
export function redactUrl(url: string): string {
	const { kind, userPart, hasPassword } = parseGitUrl(url);
	if (kind === "other") return redactText(url);
	const isShown = userPart === undefined || (kind === "scp" && !hasPassword);
	return redactAddress(redactText(isShown ? url : withoutUser(url, userPart)));
}

function withoutUser(url: string, userPart: string): string {
	return url.replace(`${userPart}@`, () => "");
}
