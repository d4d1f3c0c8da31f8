import { lookUp, scanReferences } from "./interpolate.ts";
import { redactText } from "./redact.ts";
import { decoded, looksLikeToken, redactAddress } from "./secret-shapes.ts";

interface GitUrl {
	/** `other` is a transport that AgentV never passes to git (`ext::…`). */
	readonly kind: "https" | "http" | "ssh" | "git" | "file" | "path" | "scp" | "other";
	/** Lower case, without the port. */
	readonly host?: string;
	readonly port?: string;
	/** As written, without a leading slash for network URLs. */
	readonly path: string;
	/** `acme` of `acme/app`, `group/sub` of `group/sub/app`. */
	readonly owner?: string;
	/** Last part of the path, without `.git`. */
	readonly name?: string;
	/** Text before the `@`, as written. Never print it. */
	readonly userPart?: string;
	readonly hasPassword: boolean;
}

const schemes: Readonly<Record<string, GitUrl["kind"]>> = {
	https: "https",
	http: "http",
	ssh: "ssh",
	"git+ssh": "ssh",
	"ssh+git": "ssh",
	git: "git",
	file: "file",
};

const withScheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([\s\S]*)$/;
const withTransport = /^[A-Za-z0-9][A-Za-z0-9+.-]*::/;
const scp = /^(?:([^/@]*)@)?(\[[^\]/]*\]|[^/:@]+):([\s\S]*)$/;

/** Follows git's own rules. Never throws. */
export function parseGitUrl(text: string): GitUrl {
	if (withTransport.test(text)) return { kind: "other", path: text, hasPassword: false };
	const url = withScheme.exec(text);
	if (url !== null) return urlWithScheme(url[1] ?? "", url[2] ?? "", url[3] ?? "");
	const short = scp.exec(text);
	// `C:\repos\app` and `./a:b` are paths, and so is every text with a slash before its first
	// colon.
	if (short === null || /^[A-Za-z]:[\\/]/.test(text)) {
		return { kind: "path", path: text, ...ownerAndName(text, "path"), hasPassword: false };
	}
	const path = short[3] ?? "";
	return {
		...{ kind: "scp", host: (short[2] ?? "").toLowerCase(), path, ...ownerAndName(path, "scp") },
		...userOf(short[1]),
	};
}

function urlWithScheme(scheme: string, authority: string, rest: string): GitUrl {
	const kind = lookUp(schemes, scheme.toLowerCase()) ?? "other";
	if (kind === "file") return { kind, path: rest, ...ownerAndName(rest, kind), hasPassword: false };
	const at = authority.lastIndexOf("@");
	const server = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?/.exec(authority.slice(at + 1));
	const path = rest.replace(/^\/+/, "");
	return {
		kind,
		host: (server?.[1] ?? "").toLowerCase(),
		...(server?.[2] ? { port: server[2] } : {}),
		...{ path, ...ownerAndName(path, kind) },
		...userOf(at === -1 ? undefined : authority.slice(0, at)),
	};
}

function userOf(userPart: string | undefined): Pick<GitUrl, "userPart" | "hasPassword"> {
	if (userPart === undefined) return { hasPassword: false };
	return { userPart, hasPassword: /:./s.test(userPart) };
}

function ownerAndName(path: string, kind: GitUrl["kind"]): Pick<GitUrl, "owner" | "name"> {
	const local = kind === "path" || kind === "file";
	const parts = path
		.replace(/[?#][\s\S]*$/, (query) => (local ? query : ""))
		.split(local ? /[\\/]/ : "/")
		.filter((part) => part !== "" && part !== "." && part !== "~");
	if (parts.length > 1 && parts.at(-1) === ".git") parts.pop();
	const name = parts.pop()?.replace(/\.(git|bundle)$/i, "");
	if (!name || name === "..") return {};
	return local || parts.length === 0 ? { name } : { owner: parts.join("/"), name };
}

/** Returns a default registry id in lower case. */
export function repositoryName(url: string): string | undefined {
	const name = parseGitUrl(url)
		.name?.toLowerCase()
		.replace(/[^a-z0-9._-]+/g, "-");
	return name?.replace(/^[^a-z0-9]+|(?<!-)-+$/g, "") || undefined;
}

/** Returns undefined for any other text, and for escapes that can't be decoded. */
export function fileUrlPath(url: string): string | undefined {
	const rest = /^file:\/\/([\s\S]*)$/i.exec(url)?.[1];
	if (rest === undefined) return undefined;
	try {
		// Git reads a text in place of the host as the first directory.
		return decodeURIComponent(rest.startsWith("/") ? rest : `/${rest}`);
	} catch (error) {
		if (error instanceof URIError) return undefined;
		throw error;
	}
}

/** Expands only `acme/app`; returns undefined for any other text. */
export function expandRepoShorthand(text: string): string | undefined {
	const match = /^([A-Za-z0-9][A-Za-z0-9-]*)\/([A-Za-z0-9._-]+)$/.exec(text);
	const [, owner, name] = match ?? [];
	if (owner === undefined || name === undefined || /^\.{1,2}$/.test(name)) return undefined;
	return `https://github.com/${owner}/${name.replace(/\.git$/, "")}.git`;
}

/**
 * Compares including the transport, because `https` and `ssh` need different credentials. Ignores
 * `.git`, trailing slashes, the host's case, default ports, users and ssh's two spellings.
 */
export function sameRepository(a: string, b: string): boolean {
	return identity(a) === identity(b);
}

const defaultPorts: Readonly<Record<string, string>> = { https: "443", http: "80", ssh: "22", git: "9418" };

function identity(text: string): string {
	const { kind, host, port, path } = parseGitUrl(text);
	const trimmed = path.replace(/(?<!\/)\/+$/, "");
	// A local `app` and `app.git` can be two directories.
	if (kind === "path" || kind === "file") return `file:${trimmed.replace(/\/\.git$/, "")}`;
	const transport = kind === "scp" ? "ssh" : kind;
	const place = port === undefined || port === defaultPorts[transport] ? host : `${host}:${port}`;
	return `${transport}://${place}/${trimmed.replace(/^(\/|~\/)+/, "").replace(/\.git$/, "")}`;
}

export interface GitRefusal {
	readonly reason: "empty" | "dash" | "control" | "transport" | "host" | "password" | "syntax";
	/** One sentence without a full stop; never contains the URL or ref. */
	readonly message: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f]/;

/**
 * Accepts no option (`-…`), no control character, only the transports file, git, http, https and
 * ssh, and no literal password.
 * @param written the URL as in the file, with its `${{ }}`: a password from a variable is allowed
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

interface SplitUrl {
	readonly url: string;
	readonly credentials?: { readonly username: string; readonly password: string };
}

/**
 * Removes user and password from an http(s) URL, so that they can be passed to git outside its
 * arguments. A plain user name (`https://ada@host/`) stays; a lone token, and a user part that
 * comes from a variable, is removed.
 * @param written the URL as in the file, with its `${{ }}`
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
