import type { Context } from "hono";
import { problem } from "./problem.ts";

/** Refuses a request with plain text for browsers, a JSON problem for programs. */
export function refuse(
	c: Context,
	status: 401 | 403 | 429,
	code: string,
	message: string,
	more: { hint: string },
): Response {
	const byBrowser = c.req.header("accept")?.includes("text/html") && !c.req.path.startsWith("/api/");
	if (!byBrowser) return problem(c, status, code, message, more);
	return c.text(`AgentV Studio: ${message}\n\n${more.hint}\n`, status);
}
