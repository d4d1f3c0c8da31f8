import { findEntry, locateFindings, planSync } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { BenchmarkListAnswer, BenchmarkMarkEvent, SyncPlanAnswer } from "../answers/benchmarks.ts";
import { mapPage, pageOf } from "../answers/page.ts";
import { readBenchmarkMarks } from "../benchmark-marks.ts";
import { describeBenchmark, describePlan } from "../describe-benchmark.ts";
import { eventStream } from "../event-stream.ts";
import { matcher } from "../search.ts";
import type { Services } from "../services.ts";
import { listField, pageField, query, searchField } from "../valid.ts";

const listQuery = z.object({ page: pageField, search: searchField });
const marksQuery = z.object({ id: listField });

/** `GET /api/benchmarks`, `/marks`, `/:id`, `/:id/plan`. */
export function benchmarkReads(services: Services) {
	const { env } = services.options;
	return new Hono()
		.get("/", query(listQuery), (c) => {
			const { page, search } = c.req.valid("query");
			const { file, entries, diagnostics } = services.registry.read();
			const matches = matcher(search);
			const wanted = entries.filter(({ id, name, path }) => matches(`${id} ${name} ${path}`));
			const problems = locateFindings(diagnostics.slice(0, 100)).map(({ diagnostic, range }) => ({
				message: services.redact(diagnostic.message),
				hint: diagnostic.hint ? services.redact(diagnostic.hint) : null,
				line: range?.start.line ?? null,
			}));
			const shown = mapPage(pageOf(wanted, page), (entry) => describeBenchmark(entry, services));
			return c.json({ ...shown, registry: file, problems } satisfies BenchmarkListAnswer);
		})
		.get("/marks", query(marksQuery), (c) => {
			const { id } = c.req.valid("query");
			return eventStream(c, services, async (send, gone) => {
				for await (const marks of readBenchmarkMarks(id, true, services, gone))
					await send({ type: "marks", marks } satisfies BenchmarkMarkEvent);
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
			return c.json(describePlan(plan) satisfies SyncPlanAnswer);
		});
}
