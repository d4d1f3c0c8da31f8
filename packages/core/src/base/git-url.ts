import { lookUp } from "./look-up.ts";
export interface GitUrl {
	/** `other` is a transport that AgentV never passes to git (`ext::…`). */
	readonly kind: "https" | "http" | "ssh" | "git" | "file" | "path" | "scp" | "other";
	/** Lower case, without the port. */
	readonly host?: string;
	readonly port?: string;
	/** Path of the repository on its host, as written, without a leading slash for network URLs. */
	readonly path: string;
	/** The path's folders before the name: `acme` of `acme/app`, `group/sub` of `group/sub/app`. */
	readonly owner?: string;
	/** Last part of the path, without `.git`. */
	readonly name?: string;
	/** The text before the `@`, as written. Never print it. */
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

/** Parses a repository's URL or path by git's own rules. Never throws. */
export function parseGitUrl(text: string): GitUrl {
	if (withTransport.test(text)) return { kind: "other", path: text, hasPassword: false };
	const url = withScheme.exec(text);
	if (url !== null) return urlWithScheme(url[1] ?? "", url[2] ?? "", url[3] ?? "");
	const short = scp.exec(text);
	// `C:\repos\app` and `./a:b` are paths, and so is every text with a slash before its first colon.
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

/** Returns a default registry id: the repository's name in lower case, if it has one. */
export function repositoryName(url: string): string | undefined {
	const name = parseGitUrl(url)
		.name?.toLowerCase()
		.replace(/[^a-z0-9._-]+/g, "-");
	return name?.replace(/^[^a-z0-9]+|(?<!-)-+$/g, "") || undefined;
}

/** Returns the path that git reads for a `file://` URL; undefined for any other text, and for escapes that can't be decoded. */
export function fileUrlPath(url: string): string | undefined {
	const rest = /^file:\/\/([\s\S]*)$/i.exec(url)?.[1];
	if (rest === undefined) return undefined;
	try {
		// Git reads what looks like a host as the first directory.
		return decodeURIComponent(rest.startsWith("/") ? rest : `/${rest}`);
	} catch (error) {
		if (error instanceof URIError) return undefined;
		throw error;
	}
}

/** Returns the GitHub URL for `acme/app`; undefined for any other text. */
export function expandRepoShorthand(text: string): string | undefined {
	const match = /^([A-Za-z0-9][A-Za-z0-9-]*)\/([A-Za-z0-9._-]+)$/.exec(text);
	const [, owner, name] = match ?? [];
	if (owner === undefined || name === undefined || /^\.{1,2}$/.test(name)) return undefined;
	return `https://github.com/${owner}/${name.replace(/\.git$/, "")}.git`;
}

/**
 * Returns whether two texts name the same repository by the same transport. `.git`, trailing
 * slashes, the host's case, default ports, users and ssh's two spellings are ignored. `https` and
 * `ssh` differ: they need different credentials.
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
