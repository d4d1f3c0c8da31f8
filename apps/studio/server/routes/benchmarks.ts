import { AgentvError, addBenchmark, findEntry, planSync, removeBenchmark, sync } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import {
	type BenchmarkAnswer,
	type BenchmarkMarkEvent,
	cutLists,
	describeBenchmark,
	readBenchmarkMarks,
	syncEvents,
} from "../describe-benchmark.ts";
import { matcher } from "../find-eval.ts";
import { type Job, JobRefused } from "../jobs.ts";
import { locatedProblems, type Services } from "../problem.ts";
import { body, eventStream, listField, mapPage, type Page, pageField, pageOf, query, searchField } from "../request.ts";

const listQuery = z.object({ page: pageField, search: searchField });
const marksQuery = z.object({ id: listField });

export interface BenchmarkListAnswer extends Page<BenchmarkAnswer> {
	/** Path of `benchmarks.yaml`. */
	readonly registry: string;
	/** Invalid entries without a valid id appear only here. */
	readonly problems: ReturnType<typeof locatedProblems>;
}

/** `GET /api/benchmarks`, `/marks`, `/:id`, `/:id/plan`. */
export function benchmarkReads(services: Services) {
	const { env } = services.options;
	return new Hono()
		.get("/", query(listQuery), (c) => {
			const { page, search } = c.req.valid("query");
			const { file, entries, diagnostics } = services.registry.read();
			const matches = matcher(search);
			const wanted = entries.filter(({ id, name, path }) => matches(`${id} ${name} ${path}`));
			const shown = mapPage(pageOf(wanted, page), (entry) => describeBenchmark(entry, services));
			const problems = locatedProblems(diagnostics, services.redact);
			return c.json({ ...shown, registry: file, problems } satisfies BenchmarkListAnswer);
		})
		.get("/marks", query(marksQuery), (c) => {
			const { id } = c.req.valid("query");
			return eventStream(c, services, async (send, gone) => {
				for await (const event of readBenchmarkMarks(id, true, services, gone)) await send(event);
				await send({ type: "end" } satisfies BenchmarkMarkEvent);
			});
		})
		.get("/:id", (c) => {
			const entry = findEntry(services.registry.read(), c.req.param("id"));
			return c.json({ benchmark: describeBenchmark(entry, services) });
		})
		.get("/:id/plan", async (c) => {
			const { id } = findEntry(services.registry.read(), c.req.param("id"));
			const [plan] = await planSync({ env, ids: [id], signal: c.req.raw.signal });
			if (!plan) throw new Error(`no plan was created for ${id}`);
			return c.json(cutLists(plan));
		});
}

const text = z.string().trim().min(1).max(2000);
const addBody = z.object({
	/** May contain `${{ }}`. */
	location: text,
	id: text.optional(),
	name: text.optional(),
	ref: text.optional(),
	/** Directory of the clone. */
	path: text.optional(),
});
const syncBody = z.object({ reset: z.boolean().optional() });
const nothing = z.object({});

export function benchmarkWrites(services: Services) {
	const { jobs, options } = services;
	const { env, cwd } = options;
	const started = (job: Job) => ({ job: job.id });
	const check = (ids: readonly string[], key: string) =>
		jobs.start("status", key, (signal) => readBenchmarkMarks(ids, false, services, signal), ids);
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
			const job = jobs.start("sync", "all", (signal) => syncEvents(sync({ env, ids: free, signal })), free);
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
			const job = jobs.start("sync", id, (signal) => syncEvents(sync({ env, ids: [id], reset, signal })));
			return c.json(started(job), 202);
		})
		.post("/:id/status", body(nothing), (c) => {
			const { id } = findEntry(services.registry.read(), c.req.param("id"));
			return c.json(started(check([id], id)), 202);
		});
}
