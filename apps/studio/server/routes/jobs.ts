import { AgentvError } from "@agentv/core";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Services } from "../services.ts";

/** `GET /api/jobs`, `GET /api/jobs/:id`, `GET /api/jobs/:id/events` (server-sent events, resumable by Last-Event-ID). */
export function jobReads({ jobs }: Services) {
	const find = (id: string) => {
		const job = jobs.get(id);
		if (!job)
			throw new AgentvError("not-found", "there is no such job", {
				hint: "it may have ended before Studio was restarted",
			});
		return job;
	};
	return new Hono()
		.get("/", (c) => c.json({ jobs: jobs.list() }))
		.get("/:id", (c) => c.json({ job: find(c.req.param("id")) }))
		.get("/:id/events", (c) => {
			const { id } = find(c.req.param("id"));
			const last = Number(c.req.header("last-event-id") ?? 0) || 0;
			return streamSSE(c, async (stream) => {
				const gone = new AbortController();
				stream.onAbort(() => gone.abort());
				for await (const event of jobs.follow(id, last, gone.signal)) {
					await stream.writeSSE({ id: String(event.id), data: JSON.stringify(event.data) });
				}
			});
		});
}

/** `POST /api/jobs/:id/cancel`. */
export function jobWrites({ jobs }: Services) {
	return new Hono().post("/:id/cancel", (c) => {
		if (!jobs.cancel(c.req.param("id"))) throw new AgentvError("not-found", "there is no such job");
		return c.json({ cancelled: true as const });
	});
}
