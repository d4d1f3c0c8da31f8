import { AgentvError, type ErrorCode, locateFindings } from "@agentv/core";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { JobRefused } from "./jobs.ts";
import type { Services } from "./services.ts";

/** The error response of all routes. */
export interface Problem {
	readonly error: {
		readonly code: string;
		readonly message: string;
		readonly hint?: string;
		readonly details?: unknown;
	};
}

/** Creates an error response. */
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

/** Converts errors to responses. Unexpected ones are reported to the operator and not revealed to the page. */
export function answerError({ redact, options }: Pick<Services, "redact" | "options">) {
	return (error: Error, c: Context): Response => {
		if (error instanceof AgentvError && error.code !== "internal") {
			const details = detailsOf(error, redact);
			return problem(c, statuses[error.code], error.code, redact(error.message), {
				...(error.hint ? { hint: redact(error.hint) } : {}),
				...(details === undefined ? {} : { details }),
			});
		}
		if (error instanceof HTTPException)
			return problem(c, error.status as ContentfulStatusCode, "bad-request", error.message || "invalid request");
		options.report?.(error);
		return problem(c, 500, "internal", "internal error", { hint: "Try again; if the problem persists, report it." });
	};
}

function detailsOf(error: AgentvError, redact: (text: string) => string): unknown {
	if (error instanceof JobRefused) return { job: error.job };
	if (error.diagnostics.length === 0) return undefined;
	return locateFindings(error.diagnostics.slice(0, 100)).map(({ diagnostic, range }) => ({
		rule: diagnostic.rule,
		message: redact(diagnostic.message),
		...(diagnostic.hint ? { hint: redact(diagnostic.hint) } : {}),
		...(range ? { line: range.start.line, column: range.start.column } : {}),
	}));
}
