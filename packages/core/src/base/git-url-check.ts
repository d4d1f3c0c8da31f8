import { redactAddress } from "./address-secrets.ts";
import { parseGitUrl } from "./git-url.ts";
import { scanReferences } from "./scan-references.ts";
import { looksLikeToken } from "./secret-shapes.ts";

/** Why a URL or ref is not passed to git. */
export interface GitRefusal {
	readonly reason: "empty" | "dash" | "control" | "transport" | "host" | "password" | "syntax";
	/** One sentence without a full stop; never contains the URL or ref. */
	readonly message: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f]/;

/**
 * Checks that git may receive this URL or path: no option (`-…`), no control character, only the
 * transports file, git, http, https and ssh, and no literal password.
 * @param written the URL as the file has it, with its `${{ }}`: a password from a variable is
 * allowed
 */
export function checkGitUrl(url: string, written: string = url): GitRefusal | undefined {
	if (url.trim() === "") return { reason: "empty", message: "The URL is empty" };
	const unsafe = optionOrControl(url, "URL");
	if (unsafe !== undefined) return unsafe;
	const { kind, host } = parseGitUrl(url);
	if (kind === "other") {
		return { reason: "transport", message: "The URL names a transport other than https, http, ssh, git and file" };
	}
	if (host !== undefined && (host === "" || host.startsWith("-"))) {
		return { reason: "host", message: host === "" ? "The URL has no host" : "The URL's host begins with `-`" };
	}
	return refusedPassword(url, written);
}

function refusedPassword(url: string, written: string): GitRefusal | undefined {
	const { kind, hasPassword } = parseGitUrl(url);
	if (kind !== "https" && kind !== "http") {
		if (!hasPassword) return undefined;
		return { reason: "password", message: "The URL contains a password, which only https can carry" };
	}
	if (!literalCredential(written)) return undefined;
	return { reason: "password", message: "The URL contains a literal password or token; read it from a variable" };
}

const variable = "\uE000";

/** Returns whether the credential in `written` is literal, also as a reference's default. */
function literalCredential(written: string): boolean {
	let text = "";
	let done = 0;
	for (const token of scanReferences(written)) {
		if (token.kind !== "reference") continue;
		text += written.slice(done, token.range[0]) + (token.defaultText || variable);
		done = token.range[1];
	}
	text += written.slice(done);
	const query = `https://host/${/\?[^#]*/.exec(text)?.[0].replaceAll(variable, "") ?? ""}`;
	if (redactAddress(query) !== query) return true;
	const { userPart = "" } = parseGitUrl(text);
	const [user = "", ...rest] = userPart.split(":");
	const password = rest.join(":");
	return password === "" ? looksLikeToken(user) : !password.includes(variable);
}

/** Checks for options, refspecs, and what git does not allow in a ref. */
export function checkGitRef(ref: string): GitRefusal | undefined {
	if (ref === "") return { reason: "empty", message: "The ref is empty" };
	const unsafe = optionOrControl(ref, "ref");
	if (unsafe !== undefined) return unsafe;
	const broken = /[\s~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|(^|\/)\.|\.lock(\/|$)|^@$/.test(ref);
	return broken ? { reason: "syntax", message: "The ref is not a valid branch, tag or commit" } : undefined;
}

function optionOrControl(text: string, what: string): GitRefusal | undefined {
	if (text.startsWith("-")) return { reason: "dash", message: `The ${what} begins with \`-\`` };
	if (control.test(text)) return { reason: "control", message: `The ${what} contains a control character` };
	return undefined;
}
