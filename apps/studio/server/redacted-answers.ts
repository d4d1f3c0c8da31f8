import { redactJson } from "@agentv/core";
import type { MiddlewareHandler } from "hono";
import type { Services } from "./services.ts";

/** The one door of Studio's answers: no JSON leaves with a secret in it, whichever route made it. */
export function redactedAnswers({ redact }: Pick<Services, "redact">): MiddlewareHandler {
	return async (c, next) => {
		await next();
		if (!/^application\/json\b/.test(c.res.headers.get("content-type") ?? "")) return;
		const text = await c.res.clone().text();
		const shown = redactJson(text, redact);
		if (shown === text) return;
		const { status, headers } = c.res;
		// Without this, the headers of the first answer would be added to those of the second.
		c.res = undefined;
		const kept = new Headers(headers);
		kept.delete("content-length");
		c.res = new Response(shown, { status, headers: kept });
	};
}
