/** Replaces each secret. */
export const redacted = "***";

/** In UTF-16 units, end exclusive. */
export type Span = readonly [start: number, end: number];

/** Redacting short values, which are ordinary words and numbers, would garble output. */
export function isSearchable(value: string): boolean {
	return value.length >= 8 || (value.length >= 6 && /\d/.test(value) && /[a-z]/i.test(value));
}

export interface SecretShape {
	/** Kind of secret in messages: `GitHub token`. */
	readonly name: string;
	/** Regular expression for the first characters; matches nothing longer. */
	readonly head: string;
	/** Can scan past the key's end only over characters that can't begin another key. */
	readonly pattern: RegExp;
	/** Neither `_` nor `-` may precede it, since its head is part of ordinary words. */
	readonly isWord?: boolean;
	/** The characters after the head must look random, since the head begins ordinary names. */
	readonly isRandom?: boolean;
}

/** Scanning stops here, in characters. */
const LONGEST_KEY = 16_384;

function shape(
	name: string,
	head: string,
	body: string,
	more: { readonly isWord?: boolean; readonly isRandom?: boolean } = {},
): SecretShape {
	return { name, head, pattern: new RegExp(`(?:${head})${bounded(body)}`, "y"), ...more };
}

/** An unbounded repetition would overflow the stack if megabytes of text look like a key. */
const bounded = (pattern: string) =>
	pattern.replace(/,\}/g, `,${LONGEST_KEY}}`).replace(/\*(?=\)|$)/g, `{0,${LONGEST_KEY}}`);

const letters = "[A-Za-z0-9]";
const words = { isWord: true };
const random = { isWord: true, isRandom: true };

/** A new vendor needs one line here. */
export const secretShapes: readonly SecretShape[] = [
	shape("AWS access key", "AKIA", `[0-9A-Z]{16}(?!${letters})`),
	shape("AWS access key", "ASIA", `[0-9A-Z]{16}(?!${letters})`),
	shape("Google API key", "AIza", "[\\w-]{28,}", words),
	shape("Google OAuth token", "ya29\\.", "[\\w-]{20,}", words),
	shape("Google OAuth secret", "GOCSPX-", "[\\w-]{16,}", words),
	shape("SendGrid key", "SG\\.", "[\\w-]{16,}\\.[\\w-]{16,}", words),
	shape("GitHub token", "gh[pousr]_", `${letters}{16,}`),
	shape("GitHub token", "github_pat_", "\\w{16,}"),
	shape("GitLab token", "gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-", "[\\w-]{16,}", words),
	shape("Bitbucket token", "ATBB", `${letters}{20,}`),
	shape("Atlassian token", "ATATT3", "[\\w=-]{20,}", words),
	shape("npm token", "npm_", `${letters}{16,}`, { isRandom: true }),
	shape("PyPI token", "pypi-", "[\\w-]{40,}", words),
	shape("Hugging Face token", "hf_", `${letters}{16,}`, { isRandom: true }),
	shape("Groq key", "gsk_", `${letters}{16,}`, { isRandom: true }),
	shape("Stripe key", "[sr]k_(?:live|test)_", `${letters}{16,}`),
	shape("webhook secret", "whsec_", "[A-Za-z0-9+/=]{16,}"),
	shape("Replicate token", "r8_", `${letters}{20,}`, { isRandom: true }),
	shape("DigitalOcean token", "do[opr]_v1_", "[a-f0-9]{32,}"),
	shape("Databricks token", "dapi", "[a-f0-9]{32}", words),
	shape("Shopify token", "shp(?:at|ca|pa|ss)_", "[a-fA-F0-9]{32}"),
	shape("Vault token", "hv[sbr]\\.", "[\\w-]{20,}", words),
	shape("xAI key", "xai-", `${letters}{16,}`, random),
	shape("Perplexity key", "pplx-", `${letters}{16,}`, random),
	shape("NVIDIA key", "nvapi-", "[\\w-]{20,}", random),
	shape("Tavily key", "tvly-", "[\\w-]{16,}", random),
	shape("Cerebras key", "csk-", `${letters}{16,}`, random),
	shape("Slack token", "xox[abeoprs]-", "[A-Za-z0-9-]{10,}", random),
	shape("Slack token", "xapp-", "[A-Za-z0-9-]{16,}", random),
	shape("Slack webhook", "hooks\\.slack\\.com/(?:services|workflows)/", "[A-Za-z0-9/_-]{16,}", words),
	shape("Anthropic key", "sk-ant-", "[\\w-]{8,}", words),
	shape("OpenRouter key", "sk-or-", "[\\w-]{12,}", random),
	shape("OpenAI key", "sk-(?:proj|svcacct|admin)-", "[\\w-]{12,}", words),
	shape("OpenAI key", "sk-", "[\\w-]{16,}", random),
	shape("LangSmith key", "lsv2_(?:pt|sk)_", "\\w{16,}"),
	shape("Fireworks key", "fw_", `${letters}{20,}`, random),
	shape("Voyage key", "pa-", "[\\w-]{32,}", random),
	shape("Docker Hub token", "dckr_(?:pat|oat)_", "[\\w-]{16,}", words),
	shape("Grafana token", "gl(?:sa|c)_", "[A-Za-z0-9_+/=]{20,}", random),
	shape("Sentry token", "sntry[su]_", "[A-Za-z0-9_+/=]{20,}", words),
	shape("Figma token", "figd_", "[\\w-]{16,}", words),
	shape("Linear key", "lin_(?:api|oauth)_", `${letters}{16,}`, words),
	shape("Postman key", "PMAK-", "[\\w-]{16,}", words),
	shape("New Relic key", "NRA[KL]-", "[A-Z0-9]{16,}", words),
	shape("Doppler token", "dp\\.(?:pt|st|ct|sa|scim|audit)\\.", "[\\w.-]{20,}", random),
	shape("Supabase token", "sbp_", "[a-f0-9]{32,}", words),
	shape("PlanetScale token", "pscale_(?:tkn|pw|oauth)_", "[\\w.-]{16,}", words),
	shape("Fly token", "fo1_", "[\\w-]{20,}", random),
	shape("Discord webhook", "discord(?:app)?\\.com/api/(?:v\\d{1,2}/)?webhooks/", "\\d{10,}/[\\w-]{16,}"),
	shape("Terraform token", `${letters}{14}\\.atlasv1\\.`, "[\\w-]{40,}"),
	shape("Telegram token", "\\d{8,10}:AA", "[\\w-]{33}(?![\\w-])"),
	shape("JSON web token", "eyJ", "[\\w-]{8,}\\.[\\w-]{8,}(?:\\.[\\w-]*)?", words),
];

/** Random text has a digit, both letter cases, or is very long. */
export function looksRandom(text: string): boolean {
	if (/\d/.test(text) && /[a-z]/i.test(text)) return true;
	return (/[a-z][A-Z]/.test(text) && /[A-Z]{2}|[A-Z][a-z]?[A-Z]/.test(text)) || /[A-Za-z0-9]{24}/.test(text);
}

/** `foo_bar_1` and `gpt-4o` are names. */
export function looksChosenByMachine(text: string): boolean {
	return /\d/.test(text) && looksRandom(text) && !/^[a-z]+\d{0,3}(?:[_ .-](?:[a-z]+\d{0,3}|\d{1,3}))*$/.test(text);
}

/** A digest, a commit or a UUID only looks random. */
export function isIdentifier(text: string): boolean {
	return /^(?:sha\d{1,3}[:-])?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(
		text,
	);
}

/** Some hosts issue access tokens that are used as a user name alone. */
export function looksLikeToken(user: string): boolean {
	return /^(gh[a-z]_|github_pat_|gl[a-z]+-|ATBB|hf_)/.test(user) || /^[A-Za-z0-9_-]{30,}$/.test(user);
}

export function isPlainUser(user: string): boolean {
	return user.length <= 24 && !looksLikeToken(user) && user.replace(/\D/g, "").length < 6;
}

/** `.env.local`, `.netrc`, `id_ed25519`; not `.env.example`. */
export function isSecretFile(name: string): boolean {
	if (/^\.env(\.|$)/i.test(name)) return !/\.(example|sample|template|dist|defaults|schema)$/i.test(name);
	return /^(\.netrc|_netrc|\.git-credentials|\.pgpass|\.pypirc|\.htpasswd|\.dockercfg|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(p12|pfx|jks|keystore|kdbx))$/i.test(
		name,
	);
}

const address = /[a-z][a-z0-9+.-]{0,40}:\/\/[^\s"'`<>]{1,8192}/gi;

interface IdentifyingPart {
	readonly texts: readonly string[];
	readonly isSecret: boolean;
	/** Whether it identifies the user and does nothing else. */
	readonly isCredential: boolean;
}

function* identifyingParts(text: string): Generator<IdentifyingPart> {
	for (const [url] of text.matchAll(address)) {
		const [, authority = "", query = "", fragment = ""] =
			/^[^:]*:\/\/([^/?#]*)[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [];
		const user = authority.slice(0, Math.max(authority.lastIndexOf("@"), 0));
		const colon = user.indexOf(":");
		// The user of `ssh://` is a plain name: ssh never reads a password from the URL.
		const isName = /^(?:git\+)?(?:ssh|sftp|rsync):/i.test(url);
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

/** Returns users and passwords, values of queries, and fragments. */
export function addressSecrets(text: string): string[] {
	if (!text.includes("://")) return [];
	return [...identifyingParts(text)]
		.flatMap(({ texts, isSecret }) => (isSecret ? texts : []))
		.filter((address) => isSearchable(address) && !address.includes("${{"));
}

/** Counts regardless of the value's form; in prose, only credentials count. */
export function contributedSecrets(text: string, value: string, where: "setting" | "prose" = "setting"): string[] {
	if (!text.includes("://")) return [];
	return [...identifyingParts(text)]
		.filter(({ isCredential }) => isCredential || where === "setting")
		.flatMap(({ texts }) =>
			texts.flatMap((secret) =>
				value.includes(secret) ? texts : secret.includes(value) && value !== "" ? [value] : [],
			),
		)
		.filter(isSearchable);
}

export function redactAddress(text: string): string {
	const match = /^([a-z][a-z0-9+.-]*:\/\/)([^\s/?#]*)([^\s?#]*)(\?[^\s#]*)?(#\S*)?$/i.exec(text);
	if (!match) return text;
	const [, scheme = "", authority = "", path = "", query = "", fragment] = match;
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

export function decoded(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch (error) {
		if (error instanceof URIError) return part;
		throw error;
	}
}

// Command lines as typed, also over several lines, and as JSON lists.

const gap = "(?:=|\\s{1,8}(?:\\\\\\r?\\n\\s{0,16})?|\\\\{0,3}[\"'],\\s{0,16})";
const value = "(?:\\\\{0,3}\"([^\"\\\\\\n]{1,1024})|'([^'\\\\\\n]{1,1024})|([^\\s\"'`\\\\|<>]{1,1024}))";
const quote = "(?:\\\\{0,3}[\"'])?";
const user = "(?:\\\\{0,3}[\"'])?[^\\s:\"'`\\\\|<>$]{0,64}:([^\\s\"'`\\\\|<>]{1,1024})";
const begins = "(?:^|(?<=[\\s\"'`,]))";
/** In JSON the first word of a line follows `\n`. */
const word = "(?:(?<![\\w$-])|(?<=\\\\[nrt]))";

const ofPrograms: readonly (readonly [programs: string, flags: string])[] = [
	["curl|wget|xhs?", `${begins}(?:-[a-zA-Z]{0,8}[uU]|--(?:proxy-)?user)${gap}?${user}`],
	["http|https|httpie", `${begins}(?:-a|--auth)${gap}?${user}`],
	["mysql[\\w-]{0,24}|mariadb[\\w-]{0,24}", `${begins}-p${value}`],
	["sshpass", `^${gap}${quote}-p${gap}?${value}`],
	["docker login|podman login|helm registry login|skopeo login", `${begins}-p${gap}?${value}`],
	["redis-cli", `${begins}-a${gap}${value}`],
	["ldap(?:search|modify|add|delete|whoami|passwd)", `${begins}-[wy]${gap}?${value}`],
	["openssl", `\\bpass:${value}`],
];
const programs = ofPrograms.map(([names, flags]) => ({
	name: new RegExp(`${word}(?:${names.replaceAll(" ", `${gap}${quote}`)})(?:\\.exe)?(?=\\\\{0,3}["',\\s])`, "g"),
	flags: new RegExp(flags, "gd"),
}));
const someProgram = new RegExp(`${word}(?:${ofPrograms.map(([names]) => names.replace(/ .*$/, "")).join("|")})`);

/** A trailing backslash continues a command line, another command ends it. */
const commandLine = /(?:\\\r?\n|(?!\s(?:&&|\|\|?)\s|;\s)[^\n]){0,1000}/y;

const passwordFlag = new RegExp(
	`--(?:[a-z]{1,24}-){0,2}(?:password|passwd|passphrase)(=|${gap})${value.replaceAll("{1,1024}", "{3,1024}")}`,
	"gd",
);
const tokenFlag = new RegExp(
	`--(?:[a-z]{1,24}-){0,2}(?:api-?key|key|token|secret)${gap}${value.replaceAll("{1,1024}", "{6,1024}")}`,
	"gd",
);
/** The value of `-u` counts as user and password of any program only if it looks like one. */
const loginFlag = new RegExp(`${begins}(?:-u|--user)${gap}${user.replaceAll("{1,1024}", "{4,1024}")}`, "gd");
const headerFlag =
	/(?:(?<=[\s"'`,])-H|--header)(?:=|\s{0,8}|\\{0,3}["'],\s{0,16})\\{0,3}["']?([\w-]{1,64}):\s{0,4}(?:(?:basic|bearer|token|digest|apikey)\s{1,4})?((?<=["'][^"'\n]{1,128})[^"'\\\n]{1,8192}|[^\s"'\\]{1,8192})/dgi;
const variable = new RegExp(
	`(?:(?<![\\w$])|(?<=\\\\[nrt]))(?:[A-Z][A-Z0-9_]{0,64})?(?:PASSWORD|PASSWD|PASSPHRASE|_PWD|_PASS)=${value.replaceAll("{1,1024}", "{3,1024}")}`,
	"gd",
);

/** Help texts use these words in place of a password. */
const placeholder =
	/^(?:string|value|text|file|path|stdin|prompt|flags?|options?|arg|args|arguments?|parameter|name|with|from|that|this|then|when|must|will|should|which|instead|either|and|for|the|not|are|was|has|can|passw\w*|pass|secret|token|true|false|null|none|yes|required|optional)[.,:;)]*$/i;

/** Finds `curl -u user:…`, `mysql -p…`, `--password …`, `PGPASSWORD=…`, `-H 'Authorization: …'`. */
export function findCommandLineSecrets(text: string, found: Span[]): void {
	const add = (
		pattern: RegExp,
		isSecret: (secret: string, groups: RegExpExecArray) => boolean,
		within = text,
		at = 0,
	) => {
		for (const match of within.matchAll(pattern)) {
			const group = match.findLastIndex((text) => text !== undefined);
			const span = match.indices?.[group];
			// Skip references and placeholders.
			if (!span || /^[$<{*%-]/.test(match[group] ?? "") || !isSecret(match[group] ?? "", match)) continue;
			found.push([at + span[0], at + span[1]]);
		}
	};
	if (text.includes("-")) {
		add(passwordFlag, (secret, [, sign]) => sign === "=" || !placeholder.test(secret));
		add(tokenFlag, looksRandom);
		add(loginFlag, looksRandom);
		add(headerFlag, (secret, [, name = ""]) => isSecretHeader(name) && !secret.includes("$"));
		if (someProgram.test(text)) findOfPrograms(text, add);
	}
	add(variable, (secret) => !placeholder.test(secret));
}

type Add = (pattern: RegExp, isSecret: () => boolean, within: string, at: number) => void;

function findOfPrograms(text: string, add: Add): void {
	for (const { name, flags } of programs)
		for (name.lastIndex = 0; name.exec(text); ) {
			commandLine.lastIndex = name.lastIndex;
			const [line = ""] = commandLine.exec(text) ?? [];
			add(flags, () => true, line, name.lastIndex);
			// The rest of this line was already searched.
			name.lastIndex += line.length;
		}
}

function isSecretHeader(name: string): boolean {
	return isSecretName(name) || /auth|cookie|key$/i.test(name);
}

const secretParts = new Set([
	...["key", "apikey", "accesskey", "secretkey", "privatekey", "token", "authtoken", "accesstoken", "pat", "private"],
	...["secret", "secrets", "clientsecret", "password", "passwd", "passphrase", "credential", "credentials", "creds"],
]);

/** `GITHUB_TOKEN`, `api_key`; not `max_tokens`. */
export function isSecretName(name: string): boolean {
	const words = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
	// `PWD` alone is the current directory.
	if (/[_.-]pwd\d*$/.test(words)) return true;
	return words
		.replace(/token[_.-](?=(usage|count|limit|budget)s?$)/, "")
		.split(/[_.-]/)
		.some(
			(part) =>
				/(password|passwd|secret|token|apikey)\d*$/.test(part) || secretParts.has(part.replace(/(?<!\d)\d+$/, "")),
		);
}

/** Includes settings that contain only secrets (`headers`). */
export function isSecretField(name: string): boolean {
	return isSecretName(name) || /^((proxy-)?authorization|(set-)?cookie|headers)$/i.test(name);
}

/** Values of these headers are the same for every user. */
const publicHeader =
	/^(accept(-.*)?|content-.*|user-agent|cache-control|connection|host|origin|referer|.*-version|.*-beta)$/i;

/** `isSecret` is that of the mapping. */
export function isSecretBelow(key: string, isSecret: boolean): boolean {
	return (isSecret && !publicHeader.test(key)) || isSecretField(key);
}

export function isSecretParameter(name: string): boolean {
	if (/^(sort|order|group|primary|foreign|partition|cache|public|row|object|index)[_-]?key$/i.test(name)) return false;
	return (
		isSecretName(name) ||
		/^(sig|signature|x-amz-(signature|credential)|code|auth|pass|pwd|jwt|session(_?id)?|sid)$/i.test(name)
	);
}

function isPublicParameter(name: string): boolean {
	return /^(api-?)?version$|^v$|^(model|deployment|region|location|format|lang|language|locale|stream|timeout|limit|page|alt|branch|ref)$/i.test(
		name,
	);
}
