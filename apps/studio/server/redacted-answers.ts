import { redactJson } from "@agentv/core";
import type { MiddlewareHandler } from "hono";
import type { Services } from "./services.ts";

/** Redacts secrets in all JSON responses. */
export function redactedAnswers({ redact }: Pick<Services, "redact">): MiddlewareHandler {
	return async (c, next) => {
		await next();
		if (!/^application\/json\b/.test(c.res.headers.get("content-type") ?? "")) return;
		const text = await c.res.clone().text();
		const shown = redactJson(text, redact);
		if (shown === text) return;
		const { status, headers } = c.res;
		// Otherwise Hono merges the headers of both responses.
		c.res = undefined;
		const newHeaders = new Headers(headers);
		newHeaders.delete("content-length");
		c.res = new Response(shown, { status, headers: newHeaders });
	};
}
