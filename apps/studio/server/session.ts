import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AgentvError } from "@agentv/core";

/** Cookies and key are random, not derived from the token. */
interface Login {
	/**
	 * First segment of this browser's API paths. Browsers send cookies to all ports of a host, so the
	 * API's cookie is bound to this path, which only pages of Studio's own origin know.
	 */
	readonly key: string;
	readonly apiCookie: string;
	/** Only opens pages, which contain no data: servers on other ports of the host can see it. */
	readonly pageCookie: string;
}

export interface Session {
	/** Valid until Studio ends; printed, and sent by scripts as `Authorization: Bearer`. */
	readonly token: string;
	/** Compares in constant time. */
	matches(candidate: string | undefined): boolean;
	/** Works once, for a minute, because other users can see command lines. */
	createCode(): string;
	/** Marks the code as used. */
	redeem(candidate: string): boolean;
	logIn(): Login;
	opensApi(cookies: readonly string[]): boolean;
	opensPages(cookies: readonly string[]): boolean;
	/** For the first page after a login; later pages read it from the browser's storage. */
	keyForPage(cookies: readonly string[]): string | undefined;
}

const minTokenLength = 22;
const maxLogins = 200;
const codeValidMs = 60_000;
const handOverMs = 30_000;

interface OpenLogin extends Login {
	/** The key is in no page after this time or its first use. */
	handOverUntil: number;
}

/** @throws AgentvError `usage` for a token that is too short or can't be sent in a header */
export function createSession(chosen?: string): Session {
	if (chosen !== undefined) checkToken(chosen);
	const token = chosen ?? secret();
	const tokenDigest = digest(token);
	const logins = new Map<string, OpenLogin>();
	const codes = new Map<string, number>();
	const find = (cookies: readonly string[], has: (login: OpenLogin, cookie: string) => boolean) =>
		[...logins.values()].find((login) => cookies.some((cookie) => has(login, cookie)));
	return {
		token,
		matches: (candidate) => timingSafeEqual(tokenDigest, digest(candidate ?? "")),
		createCode() {
			const code = secret();
			codes.set(digest(code).toString("hex"), performance.now() + codeValidMs);
			return code;
		},
		redeem(candidate) {
			// Lookup by digest, so that timing reveals nothing about the code.
			const key = digest(candidate).toString("hex");
			const until = codes.get(key);
			codes.delete(key);
			return until !== undefined && performance.now() < until;
		},
		logIn() {
			const login = { key: `~${secret()}`, apiCookie: secret(), pageCookie: secret() };
			const [oldest] = logins.keys();
			if (oldest !== undefined && logins.size >= maxLogins) logins.delete(oldest);
			logins.set(login.key, { ...login, handOverUntil: performance.now() + handOverMs });
			return login;
		},
		opensApi(cookies) {
			const login = find(cookies, ({ apiCookie }, cookie) => equals(apiCookie, cookie));
			if (!login) return false;
			login.handOverUntil = 0;
			// The least recently used login is dropped first.
			logins.delete(login.key);
			logins.set(login.key, login);
			return true;
		},
		opensPages: (cookies) =>
			find(cookies, (login, cookie) => equals(login.pageCookie, cookie) || equals(login.apiCookie, cookie)) !==
			undefined,
		keyForPage(cookies) {
			const login = find(cookies, ({ pageCookie }, cookie) => equals(pageCookie, cookie));
			return login && performance.now() < login.handOverUntil ? login.key : undefined;
		},
	};
}

function checkToken(token: string): void {
	const problem =
		token.length < minTokenLength
			? `has ${token.length} characters, which is too short`
			: /^[\x21-\x7e]{1,1000}$/.test(token)
				? undefined
				: "can't be sent in a header: it is longer than 1,000 characters or contains spaces or non-ASCII characters";
	if (problem === undefined) return;
	throw new AgentvError("usage", `Studio's token ${problem}`, {
		hint: `Use at least ${minTokenLength} random characters, for example from \`openssl rand -base64 24\`, or omit it to generate one.`,
	});
}

function secret(): string {
	return randomBytes(32).toString("base64url");
}

function digest(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}

function equals(expected: string, candidate: string): boolean {
	const [a, b] = [Buffer.from(expected), Buffer.from(candidate)];
	return a.length === b.length && timingSafeEqual(a, b);
}
