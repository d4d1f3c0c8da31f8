/** A well-known shape of tokens. */
export interface TokenShape {
	readonly name: string;
	/** A stretch that every token of the shape has, searched for first. */
	readonly anchor: string;
	/** Bytes that may stand right before the anchor; any if empty. */
	readonly before: string;
	readonly pattern: RegExp;
}

/** The farthest that a token begins before its anchor, and the longest that is looked at behind it. */
export const tokenReach = { back: 8, ahead: 320 } as const;

const shape = (name: string, anchor: string, before: string, pattern: RegExp): TokenShape => ({
	name,
	anchor,
	before,
	pattern,
});

export const tokenShapes: readonly TokenShape[] = [
	shape("AWS access key", "AKIA", "", /(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])/),
	shape("AWS access key", "ASIA", "", /(?<![A-Za-z0-9])ASIA[0-9A-Z]{16}(?![A-Za-z0-9])/),
	shape("Google API key", "AIza", "", /(?<![\w-])AIza[\w-]{35}(?![\w-])/),
	shape("SendGrid key", "SG.", "", /(?<![\w.-])SG\.[\w-]{22}\.[\w-]{43}(?![\w-])/),
	shape("private key", "-----BEGIN ", "", /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/),
	shape("GitHub token", "_", "pousr", /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}(?![A-Za-z0-9])/),
	shape("GitHub token", "_", "b", /(?<![A-Za-z0-9])github_pat_\w{60,90}(?![A-Za-z0-9])/),
	shape("npm token", "_", "m", /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/),
	shape("Hugging Face token", "_", "f", /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34,}(?![A-Za-z0-9])/),
	shape("Stripe key", "_", "k", /(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{24,}(?![A-Za-z0-9])/),
	shape("GitLab token", "-", "t", /(?<![\w-])glpat-[\w-]{20,}/),
	shape("Slack token", "-", "abeprs", /(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{20,}/),
	shape("OpenAI key", "-", "k", /(?<![\w-])sk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[A-Za-z0-9]{32,}(?![\w-]))/),
	shape("Anthropic key", "-", "k", /(?<![\w-])sk-ant-[\w-]{20,}/),
	shape("PyPI token", "-", "i", /(?<![\w-])pypi-AgEIcHlwaS5vcmc[\w-]{50,}/),
];
