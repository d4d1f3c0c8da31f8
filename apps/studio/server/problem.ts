import { AgentvError, type ErrorCode } from "@agentv/core";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The one shape in which every route says that something went wrong. */
export interface Problem {
	readonly error: {
		readonly code: string;
		readonly message: string;
		readonly hint?: string;
		readonly details?: unknown;
	};
}

/** Answers with a problem. */
export function problem(
	c: Context,
	status: ContentfulStatusCode,
	code: string,
	message: string,
	more: { hint?: string; details?: unknown } = {},
): Response {
	return c.json({ error: { code, message, ...more } } satisfies Problem, status);
}

const statuses: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
	usage: 400,
	config: 422,
	"not-found": 404,
	refused: 409,
	failed: 502,
	"not-runnable": 422,
	interrupted: 409,
	internal: 500,
};

/** Turns whatever a route threw into a problem. What is not ours says nothing about the machine. */
export function answerError(error: Error, c: Context): Response {
	if (error instanceof AgentvError) {
		const details = error.diagnostics.map(({ rule, message, hint }) => ({ rule, message, ...(hint ? { hint } : {}) }));
		return problem(c, statuses[error.code], error.code, error.message, {
			...(error.hint ? { hint: error.hint } : {}),
			...(details.length > 0 ? { details } : {}),
		});
	}
	if (error instanceof HTTPException)
		return problem(
			c,
			error.status as ContentfulStatusCode,
			"bad-request",
			error.message || "the request cannot be read",
		);
	return problem(c, 500, "internal", "Studio met a fault of its own", { hint: "try again; if it stays, report it" });
}
