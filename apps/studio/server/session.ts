import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** The secrets of one running Studio. */
export interface Session {
	/** Stands in the page and travels as `x-agentv-token` with every write. */
	readonly token: string;
	/** True where `candidate` is the token, in constant time. */
	matches(candidate: string | undefined): boolean;
	/** The login cookie. Cookies reach every port of a host, so it is not the token, and two Studios' names differ. */
	readonly cookie: { readonly name: string; readonly value: string };
	/** True where `candidate` is the cookie's value, in constant time. */
	matchesCookie(candidate: string | undefined): boolean;
}

/** A session whose token is `given`, or 256 random bits. The cookie follows from the token: it survives a restart. */
export function createSession(given?: string): Session {
	const token = given ?? randomBytes(32).toString("base64url");
	const derived = createHmac("sha256", token).update("agentv studio login").digest("base64url");
	const cookie = { name: `agentv-${derived.slice(0, 8)}`, value: derived.slice(8) };
	return {
		token,
		matches: (candidate) => equals(token, candidate),
		cookie,
		matchesCookie: (candidate) => equals(cookie.value, candidate),
	};
}

function equals(expected: string, candidate: string | undefined): boolean {
	const [a, b] = [Buffer.from(expected), Buffer.from(candidate ?? "")];
	return a.length === b.length && timingSafeEqual(a, b);
}
