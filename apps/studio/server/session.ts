import { randomBytes, timingSafeEqual } from "node:crypto";

/** The secrets of one running Studio. */
export interface Session {
	/** Stands in the page and travels as `x-agentv-token` with every write. */
	readonly token: string;
	/** True where `candidate` is the token, in constant time. */
	matches(candidate: string | undefined): boolean;
}

/** A session whose token is `given`, or 256 random bits. */
export function createSession(given?: string): Session {
	const token = given ?? randomBytes(32).toString("base64url");
	const expected = Buffer.from(token);
	return {
		token,
		matches: (candidate) => {
			const bytes = Buffer.from(candidate ?? "");
			return bytes.length === expected.length && timingSafeEqual(bytes, expected);
		},
	};
}
