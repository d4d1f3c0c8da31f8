import { hc } from "hono/client";
import type { ReadApi, WriteApi } from "../../server/app.ts";

/** The session's token as the page was given it. */
function pageToken(): string {
	return document.querySelector<HTMLMetaElement>('meta[name="agentv-token"]')?.content ?? "";
}

const options = { headers: () => ({ "x-agentv-token": pageToken(), "content-type": "application/json" }) };

/** The API, typed by the server's own routes: what reads, and what writes. */
export const api = hc<ReadApi>("/api", options);
export const writes = hc<WriteApi>("/api", options);

/** What the server said went wrong, in its own words. */
export class ApiError extends Error {
	override readonly name = "ApiError";
	readonly status: number;
	readonly code: string;
	readonly hint: string | undefined;

	constructor(status: number, code: string, message: string, hint?: string) {
		super(message);
		this.status = status;
		this.code = code;
		this.hint = hint;
	}
}

interface Answer<Body> {
	readonly ok: boolean;
	readonly status: number;
	json(): Promise<Body>;
}

/** The body of an answer; throws `ApiError` with the server's message where it is a problem. */
export async function unwrap<Body>(pending: Promise<Answer<Body>>): Promise<Body> {
	const answer = await pending.catch((cause: unknown) => {
		throw new ApiError(
			0,
			"unreachable",
			"Studio does not answer",
			cause instanceof Error ? "is `agentv studio` still running?" : undefined,
		);
	});
	if (answer.ok) return answer.json();
	const body = (await answer.json().catch(() => undefined)) as
		| { error?: { code: string; message: string; hint?: string } }
		| undefined;
	throw new ApiError(
		answer.status,
		body?.error?.code ?? "unknown",
		body?.error?.message ?? `the server answered ${answer.status}`,
		body?.error?.hint,
	);
}
