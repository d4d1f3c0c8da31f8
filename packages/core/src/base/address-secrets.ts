import { isPublicParameter, isSecretParameter } from "./secret-names.ts";
import { isPlainUser, isSearchable, looksRandom, redacted } from "./secret-shapes.ts";

const address = /[a-z][a-z0-9+.-]{0,40}:\/\/[^\s"'`<>]{1,8192}/gi;

/** A part of a URL that can identify its user, decoded and as written. */
interface IdentifyingPart {
	readonly texts: readonly string[];
	readonly isSecret: boolean;
	/** True if it identifies the user and does nothing else. */
	readonly isCredential: boolean;
}

function* identifyingParts(text: string): Generator<IdentifyingPart> {
	for (const [one] of text.matchAll(address)) {
		const [, authority = "", query = "", fragment = ""] =
			/^[^:]*:\/\/([^/?#]*)[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(one) ?? [];
		const user = authority.slice(0, Math.max(authority.lastIndexOf("@"), 0));
		const colon = user.indexOf(":");
		// The user of `ssh://` is a plain name: ssh never reads a password from the URL.
		const isName = /^(?:git\+)?(?:ssh|sftp|rsync):/i.test(one);
		const name = colon === -1 ? user : user.slice(0, colon);
		yield part(name, !isPlainUser(name), !isName);
		if (colon !== -1) yield part(user.slice(colon + 1), true, true);
		for (const [, name = "", value = ""] of query.matchAll(/(?:^|[&;])([^=&;]*)(?:=([^&;]*))?/g)) {
			// A parameter can be a bare value: `?s3cr3t`.
			if (value === "") yield part(name, looksRandom(name), false);
			else if (isSecretParameter(name)) yield part(value, true, true);
			else if (!isPublicParameter(name)) yield part(value, looksRandom(value), false);
		}
		yield part(fragment, true, false);
	}
}

function part(text: string, isSecret: boolean, isCredential: boolean): IdentifyingPart {
	const plain = decoded(text);
	return { texts: [...new Set([text, plain, plain.replaceAll("+", " ")])], isSecret, isCredential };
}

/** Returns what identifies the user of the addresses in a setting: users and passwords, values of queries, fragments. */
export function addressSecrets(text: string): string[] {
	if (!text.includes("://")) return [];
	return [...identifyingParts(text)]
		.flatMap(({ texts, isSecret }) => (isSecret ? texts : []))
		.filter((one) => isSearchable(one) && !one.includes("${{"));
}

/**
 * Returns what a variable's value contributes to those parts of the addresses in a setting,
 * regardless of its form. In prose, only credentials count.
 */
export function contributedSecrets(text: string, value: string, where: "setting" | "prose" = "setting"): string[] {
	if (!text.includes("://")) return [];
	return [...identifyingParts(text)]
		.filter(({ isCredential }) => isCredential || where === "setting")
		.flatMap(({ texts }) =>
			texts.flatMap((one) => (value.includes(one) ? texts : one.includes(value) && value !== "" ? [value] : [])),
		)
		.filter(isSearchable);
}

/** Returns a setting's URL without user, password, secret query parameters and fragment. */
export function redactAddress(text: string): string {
	const found = /^([a-z][a-z0-9+.-]*:\/\/)([^\s/?#]*)([^\s?#]*)(\?[^\s#]*)?(#\S*)?$/i.exec(text);
	if (!found) return text;
	const [, scheme = "", authority = "", path = "", query = "", fragment] = found;
	const user = authority.lastIndexOf("@");
	const [, name = "", password] = /^([^:]*)(:.*)?$/s.exec(authority.slice(0, Math.max(user, 0))) ?? [];
	const isPlain = user === -1 || (isPlainUser(name) && (password === undefined || password === `:${redacted}`));
	const host = isPlain ? authority : `${redacted}${authority.slice(user)}`;
	const shown = query.replace(/([?&;])([^=&;]*)(?:=([^&;]*))?/g, (whole, mark: string, name: string, value = "") => {
		if (value === "") return isSearchable(name) && looksRandom(name) ? `${mark}${redacted}` : whole;
		if (!isSecretParameter(name) && (isPublicParameter(name) || !isSearchable(value) || !looksRandom(value)))
			return whole;
		return `${mark}${name}=${redacted}`;
	});
	return `${scheme}${host}${path}${shown}${fragment === undefined || fragment === "#" ? "" : `#${redacted}`}`;
}

/** Returns a decoded part of a URL; unchanged if it is not encoded. */
export function decoded(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch (error) {
		if (error instanceof URIError) return part;
		throw error;
	}
}
