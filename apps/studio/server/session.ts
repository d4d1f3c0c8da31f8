import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AgentvError } from "@agentv/core";

/** One browser that has shown the token. Both cookies and the key are random: none follows from the token. */
export interface Login {
	/**
	 * First segment of the addresses under which this browser reaches the API. Cookies are sent to every port of a host,
	 * so the API's cookie is bound to this path, and only pages of Studio's own origin know it.
	 */
	readonly key: string;
	/** Opens the API. */
	readonly apiCookie: string;
	/** Opens the pages, which hold no data. Servers on other ports of the host may see it. */
	readonly pageCookie: string;
}

/** The secrets of one running Studio. */
export interface Session {
	/** Opens everything until Studio ends; printed, and sent by scripts as `Authorization: Bearer`. */
	readonly token: string;
	/** Returns whether `candidate` is the token, in constant time. */
	matches(candidate: string | undefined): boolean;
	/** Returns a code that logs one browser in, for a minute: command lines are visible to other users. */
	createCode(): string;
	/** Returns whether `candidate` is a code that was not used yet, and uses it. */
	redeem(candidate: string): boolean;
	logIn(): Login;
	/** Returns whether one of `cookies` opens the API. */
	opensApi(cookies: readonly string[]): boolean;
	/** Returns whether one of `cookies` opens the pages. */
	opensPages(cookies: readonly string[]): boolean;
	/** Returns the key for the page that follows a login; later pages read it from the browser's storage. */
	keyForPage(cookies: readonly string[]): string | undefined;
}

const shortestToken = 22;
const mostLogins = 200;
const codeLastsMs = 60_000;
const handOverLastsMs = 30_000;

interface OpenLogin extends Login {
	/** After this time, or the first request that used it, the key is not put into a page again. */
	handOverUntil: number;
}

/** @throws AgentvError `usage` for a chosen token that could be guessed or not be sent in a header. */
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
			codes.set(digest(code).toString("hex"), performance.now() + codeLastsMs);
			return code;
		},
		redeem(candidate) {
			// Looked up by digest: the time that takes says nothing about the code.
			const key = digest(candidate).toString("hex");
			const until = codes.get(key);
			codes.delete(key);
			return until !== undefined && performance.now() < until;
		},
		logIn() {
			const login = { key: `~${secret()}`, apiCookie: secret(), pageCookie: secret() };
			const [oldest] = logins.keys();
			if (oldest !== undefined && logins.size >= mostLogins) logins.delete(oldest);
			logins.set(login.key, { ...login, handOverUntil: performance.now() + handOverLastsMs });
			return login;
		},
		opensApi(cookies) {
			const login = find(cookies, ({ apiCookie }, cookie) => equals(apiCookie, cookie));
			if (!login) return false;
			login.handOverUntil = 0;
			// The login that was used last is the last to be dropped.
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
		token.length < shortestToken
			? `has ${token.length} characters, which can be guessed`
			: /^[\x21-\x7e]{1,1000}$/.test(token)
				? undefined
				: "can't be sent in a header: it is longer than 1,000 characters or holds blanks or characters beyond ASCII";
	if (problem === undefined) return;
	throw new AgentvError("usage", `the token of Studio ${problem}`, {
		hint: `choose ${shortestToken} random characters or more, as \`openssl rand -base64 24\` prints, or leave it out and one is made up`,
	});
}

/** 256 random bits. */
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
