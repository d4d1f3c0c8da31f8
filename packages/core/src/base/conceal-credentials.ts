import { looksLikeToken } from "./git-url-check.ts";
import { scanReferences } from "./scan-references.ts";

/** The user part of a URL; variables in it may hold blanks. */
const userPart = /:\/\/((?:\$\{\{[^}]*\}\}|[^\s"'`<>/?#@{}])+)@/g;
/** How credentials of well-known services begin. */
export const knownToken =
	/\b(sk-[\w-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abpr]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})/;
const knownTokens = new RegExp(knownToken, "g");

/**
 * `line` of a source as it may be shown: passwords in URLs and tokens of well-known services become stars, one for each character, so
 * that places stay what they are. Variables stay.
 */
export function concealCredentials(line: string): string {
	const inUrls = line.includes("@") ? line.replace(userPart, (_, user: string) => `://${concealedUser(user)}@`) : line;
	return inUrls.replace(knownTokens, stars);
}

function concealedUser(user: string): string {
	let shown = "";
	let done = 0;
	let isPassword = looksLikeToken(user);
	const literal = (text: string) => {
		const colon = isPassword ? -1 : text.indexOf(":");
		if (!isPassword && colon === -1) return text;
		isPassword = true;
		return text.slice(0, colon + 1) + stars(text.slice(colon + 1));
	};
	for (const token of scanReferences(user)) {
		if (token.kind !== "reference") continue;
		const written = user.slice(...token.range);
		const { defaultText = "" } = token;
		shown += literal(user.slice(done, token.range[0]));
		// A default is as literal as the rest.
		shown += defaultText === "" ? written : written.replace(defaultText, () => stars(defaultText));
		done = token.range[1];
	}
	return shown + literal(user.slice(done));
}

function stars(text: string): string {
	return "*".repeat(text.length);
}
