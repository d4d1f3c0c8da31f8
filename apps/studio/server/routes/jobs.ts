import { AgentvError } from "@agentv/core";
import { Hono } from "hono";
import type { Services } from "../problem.ts";
import { eventStream } from "../request.ts";

/** `GET /api/jobs`, `/:id`, `/:id/events` (resumable by Last-Event-ID). */
export function jobReads(services: Services) {
	const { jobs } = services;
	const find = (id: string) => {
		const job = jobs.get(id);
		if (!job)
			throw new AgentvError("not-found", "job not found", {
				hint: "It may have ended before Studio was restarted.",
			});
		return job;
	};
	return new Hono()
		.get("/", (c) => c.json({ jobs: jobs.list() }))
		.get("/:id", (c) => c.json({ job: find(c.req.param("id")) }))
		.get("/:id/events", (c) => {
			const { id } = find(c.req.param("id"));
			const last = Number(c.req.header("last-event-id") ?? 0) || 0;
			return eventStream(c, services, async (send, gone) => {
				for await (const event of jobs.follow(id, last, gone)) await send(event.data, event.id);
			});
		});
}

export function jobWrites({ jobs }: Services) {
	return new Hono().post("/:id/cancel", (c) => {
		if (!jobs.cancel(c.req.param("id"))) throw new AgentvError("not-found", "job not found");
		return c.json({ cancelled: true as const });
	});
}

export function aboutReads({ options }: Services) {
	return new Hono().get("/", (c) =>
		c.json({ version: options.version, read_only: options.readOnly, cwd: options.cwd }),
	);
}
