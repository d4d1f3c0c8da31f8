import { AgentvError, addBenchmark, findEntry, removeBenchmark, sync } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { BenchmarkMarkEvent } from "../answers/benchmarks.ts";
import type { StartedAnswer } from "../answers/jobs.ts";
import { readBenchmarkMarks } from "../benchmark-marks.ts";
import { describeSync } from "../describe-benchmark.ts";
import type { Job } from "../jobs.ts";
import { JobRefused } from "../jobs.ts";
import type { Services } from "../services.ts";
import { body } from "../valid.ts";

const text = z.string().trim().min(1).max(2000);
const addBody = z.object({
	/** A directory or git URL; may contain `${{ }}`. */
	location: text,
	id: text.optional(),
	name: text.optional(),
	ref: text.optional(),
	/** Directory of the clone. */
	path: text.optional(),
});
const syncBody = z.object({ reset: z.boolean().optional() });
const nothing = z.object({});

/** Adds routes to add, remove, sync and check benchmarks. */
export function benchmarkWrites(services: Services) {
	const { jobs, options } = services;
	const { env, cwd } = options;
	const started = (job: Job): StartedAnswer => ({ job: job.id });
	const check = (ids: readonly string[], key: string) =>
		jobs.start(
			"status",
			key,
			async function* (signal): AsyncGenerator<BenchmarkMarkEvent> {
				for await (const marks of readBenchmarkMarks(ids, false, services, signal)) yield { type: "marks", marks };
			},
			ids,
		);
	return new Hono()
		.post("/", body(addBody), async (c) => {
			const { location, ...rest } = c.req.valid("json");
			const { id } = await addBenchmark(location, { env, cwd, ...rest });
			return c.json({ id }, 201);
		})
		.delete("/:id", async (c) => {
			const id = c.req.param("id");
			const busy = jobs.running("sync", id);
			if (busy) throw new JobRefused(busy, id);
			const { path } = await removeBenchmark(id, { env });
			return c.json({ id, path });
		})
		.post("/sync", body(nothing), (c) => {
			const ids = services.registry.read().entries.flatMap(({ id, source }) => (source ? [id] : []));
			const free = ids.filter((id) => !jobs.running("sync", id));
			if (free.length === 0)
				throw new AgentvError(
					"refused",
					ids.length === 0 ? "nothing to sync" : "all benchmarks are already being synced",
				);
			const job = jobs.start("sync", "all", (signal) => describeSync(sync({ env, ids: free, signal })), free);
			return c.json(started(job), 202);
		})
		.post("/status", body(nothing), (c) => {
			const ids = services.registry.read().entries.map(({ id }) => id);
			return c.json(started(check(ids, "all")), 202);
		})
		.post("/:id/sync", body(syncBody), (c) => {
			const { id, source } = findEntry(services.registry.read(), c.req.param("id"));
			if (!source) throw new AgentvError("refused", `${id} is a local benchmark, which can't be synced`);
			const { reset = false } = c.req.valid("json");
			const job = jobs.start("sync", id, (signal) => describeSync(sync({ env, ids: [id], reset, signal })));
			return c.json(started(job), 202);
		})
		.post("/:id/status", body(nothing), (c) => {
			const { id } = findEntry(services.registry.read(), c.req.param("id"));
			return c.json(started(check([id], id)), 202);
		});
}
