import { hc } from "hono/client";
import type { ReadApi, WriteApi } from "../../server/app.ts";

const storedAs = "agentv-key";

/**
 * Returns the address of the API for this browser. The page that follows a login holds the key; other tabs and later
 * pages read it from the storage of this origin, which servers on other ports can't.
 */
function addressOfApi(): string {
	const handed = document.querySelector<HTMLMetaElement>(`meta[name="${storedAs}"]`)?.content;
	try {
		if (handed?.startsWith("~")) localStorage.setItem(storedAs, handed);
		const key = localStorage.getItem(storedAs);
		return key ? `/${key}/api` : "/api";
	} catch {
		// Storage is switched off: the key lasts as long as this page.
		return handed?.startsWith("~") ? `/${handed}/api` : "/api";
	}
}

/** Where the API is: for event streams and downloads. */
export const apiAddress = addressOfApi();

const options = { headers: { "content-type": "application/json" } };

/** The API, typed by the server's own routes: what reads, and what writes. */
export const api = hc<ReadApi>(apiAddress, options);
export const writes = hc<WriteApi>(apiAddress, options);

/** What the server said went wrong, in its own words. */
export class ApiError extends Error {
	override readonly name = "ApiError";
	readonly status: number;
	readonly code: string;
	readonly hint: string | undefined;
	/** What the route adds: `{job}` of the work that is in the way. */
	readonly details: unknown;

	constructor(status: number, problem: { code: string; message: string; hint?: string; details?: unknown }) {
		super(problem.message);
		this.status = status;
		this.code = problem.code;
		this.hint = problem.hint;
		this.details = problem.details;
	}
}

interface Answer<Body> {
	readonly ok: boolean;
	readonly status: number;
	json(): Promise<Body>;
}

/** The body of an answer; throws `ApiError` with the server's message where it is a problem. */
export async function unwrap<Body>(pending: Promise<Answer<Body>>): Promise<Body> {
	const answer = await pending.catch(() => {
		throw new ApiError(0, {
			code: "unreachable",
			message: "Studio does not answer",
			hint: "is `agentv studio` still running?",
		});
	});
	if (answer.ok) return answer.json();
	const body = (await answer.json().catch(() => undefined)) as
		| { error?: { code: string; message: string; hint?: string; details?: unknown } }
		| undefined;
	throw new ApiError(
		answer.status,
		body?.error ?? { code: "unknown", message: `the server answered ${answer.status}` },
	);
}
