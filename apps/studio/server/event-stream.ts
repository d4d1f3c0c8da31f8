import { AgentvError, redactJson } from "@agentv/core";
import type { Context, MiddlewareHandler } from "hono";
import { streamSSE } from "hono/streaming";
import { toErrorBody } from "./jobs.ts";
import type { Services } from "./problem.ts";

/** Keeps proxies from closing the stream, and detects pages that have gone away. */
const pingMs = 15_000;

type Send = (data: unknown, id?: number) => Promise<void>;

/**
 * Sends server-sent events until `produce` ends or the page goes away. Errors become a last event
 * `{type: "failed", error}`.
 */
export function eventStream(
	c: Context,
	{ options, redact }: Pick<Services, "options" | "redact">,
	produce: (send: Send, gone: AbortSignal) => Promise<void>,
): Response {
	return streamSSE(c, async (stream) => {
		const gone = new AbortController();
		stream.onAbort(() => gone.abort());
		const send: Send = async (data, id) =>
			stream.writeSSE({
				data: redactJson(JSON.stringify(data), redact),
				...(id === undefined ? {} : { id: String(id) }),
			});
		const ping = setInterval(() => void stream.write(": still here\n\n"), pingMs);
		try {
			await produce(send, gone.signal);
		} catch (error) {
			if (gone.signal.aborted) return;
			if (!(error instanceof AgentvError)) options.report?.(error);
			await send({ type: "failed", error: toErrorBody(error) });
		} finally {
			clearInterval(ping);
		}
	});
}

export function redactedAnswers({ redact }: Pick<Services, "redact">): MiddlewareHandler {
	return async (c, next) => {
		await next();
		if (!/^application\/json\b/.test(c.res.headers.get("content-type") ?? "")) return;
		const text = await c.res.clone().text();
		const shown = redactJson(text, redact);
		if (shown === text) return;
		const { status, headers } = c.res;
		// Otherwise Hono would merge the headers of both responses.
		c.res = undefined;
		const newHeaders = new Headers(headers);
		newHeaders.delete("content-length");
		c.res = new Response(shown, { status, headers: newHeaders });
	};
}
