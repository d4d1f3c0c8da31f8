/** The replacement for a secret. */
export const redacted = "***";

/** In UTF-16 units, end exclusive. */
export type Span = readonly [start: number, end: number];

/** Redacting short values, which are ordinary words and numbers, would garble output. */
export function isSearchable(value: string): boolean {
	return value.length >= 8 || (value.length >= 6 && /\d/.test(value) && /[a-z]/i.test(value));
}

/** The form of a vendor's keys, for searching a text without knowing any secret. */
export interface SecretShape {
	/** Kind of secret in messages: `GitHub token`. */
	readonly name: string;
	/** Its first characters, as a regular expression that matches nothing longer. */
	readonly head: string;
	/** It can scan past its end only over characters that can't begin another key. */
	readonly pattern: RegExp;
	/** Neither `_` nor `-` may precede it, since its head is part of ordinary words. */
	readonly isWord?: boolean;
	/** The characters after the head must look random, since the head begins ordinary names. */
	readonly isRandom?: boolean;
}

/** Characters of a key that are scanned. */
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

/** The keys of well-known services. A new vendor is one line here. */
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

/** Returns whether text has a digit, both letter cases, or is very long. */
export function looksRandom(text: string): boolean {
	if (/\d/.test(text) && /[a-z]/i.test(text)) return true;
	return (/[a-z][A-Z]/.test(text) && /[A-Z]{2}|[A-Z][a-z]?[A-Z]/.test(text)) || /[A-Za-z0-9]{24}/.test(text);
}

/** Returns whether it is not a name: `foo_bar_1` and `gpt-4o` are names. */
export function looksChosenByMachine(text: string): boolean {
	return /\d/.test(text) && looksRandom(text) && !/^[a-z]+\d{0,3}(?:[_ .-](?:[a-z]+\d{0,3}|\d{1,3}))*$/.test(text);
}

/** Returns whether a text is a digest, a commit or a UUID, which only looks random. */
export function isIdentifier(text: string): boolean {
	return /^(?:sha\d{1,3}[:-])?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(
		text,
	);
}

/** Returns whether a user name alone is an access token, as hosts issue them. */
export function looksLikeToken(user: string): boolean {
	return /^(gh[a-z]_|github_pat_|gl[a-z]+-|ATBB|hf_)/.test(user) || /^[A-Za-z0-9_-]{30,}$/.test(user);
}

/** Returns whether the user of a URL is a person or service (`git`), not a token. */
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
