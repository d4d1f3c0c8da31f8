import { Hono } from "hono";
import { z } from "zod";
import type {
	EvalAnswer,
	EvalEntry,
	EvalListAnswer,
	EvalMarkEvent,
	EvalTestsAnswer,
	LastResultAnswer,
	RunPlanAnswer,
} from "../answers/evals.ts";
import { mapPage, pageOf } from "../answers/page.ts";
import { describeEval, describeTest } from "../describe-eval.ts";
import type { FoundEval } from "../eval-finder.ts";
import { eventStream } from "../event-stream.ts";
import { lastResults } from "../last-results.ts";
import { openEval } from "../opened-eval.ts";
import { placeOf } from "../places.ts";
import { describeRunPlan, withTargets } from "../run-plan.ts";
import { matcher } from "../search.ts";
import type { Services } from "../services.ts";
import { listField, nameField, pageField, pageSizeField, query, searchField } from "../valid.ts";

const listQuery = z.object({
	benchmark: nameField,
	page: pageField,
	search: searchField,
	state: z.enum(["errors", "warnings", "clean", "unknown"]).optional(),
});
const marksQuery = z.object({ id: listField.refine((ids) => ids.length <= 50, "at most 50") });
const planQuery = z.object({ target: listField });
const testsQuery = z.object({ page: pageField, page_size: pageSizeField, search: searchField });

/** `GET /api/evals`, `/marks`, `/:id`, `/:id/run/plan`, `/:id/tests`. */
export function evalReads(services: Services) {
	const { evals, marks, jobs, runs, tables } = services;
	const entry = ({ id, place, path, file }: FoundEval, last: LastResultAnswer | null): EvalEntry => ({
		id,
		benchmark: place.benchmark,
		file: path,
		marks: marks.known(file),
		last_result: last,
		job: jobs.running("run", id)?.id ?? null,
	});
	return new Hono()
		.get("/", query(listQuery), async (c) => {
			const { benchmark, page, search, state } = c.req.valid("query");
			const found = await evals.list(placeOf(benchmark ?? null, services));
			const matches = matcher(search);
			const wanted = found.evals.filter(
				({ path, file }) =>
					(matches(path) || matches(marks.known(file)?.name ?? "")) && (!state || state === stateOf(marks.known(file))),
			);
			const problem = found.cut ? "the directory is too large to search completely" : null;
			const last = lastResults(await runs.all(), tables);
			const shown = mapPage(pageOf(wanted, page), (one) => entry(one, last.get(one.file) ?? null));
			return c.json({ ...shown, problem } satisfies EvalListAnswer);
		})
		.get("/marks", query(marksQuery), async (c) => {
			const found = await Promise.all(c.req.valid("query").id.map((id) => evals.find(id)));
			const ids = new Map(found.map(({ file, id }) => [file, id]));
			return eventStream(c, services, async (send, gone) => {
				for await (const { file, marks: seen } of marks.look([...ids.keys()], gone))
					await send({ type: "marks", id: ids.get(file) ?? "", marks: seen } satisfies EvalMarkEvent);
				await send({ type: "end" } satisfies EvalMarkEvent);
			});
		})
		.get("/:id", async (c) => {
			const opened = await openEval(c.req.param("id"), services);
			const described = await describeEval(opened, services, c.req.raw.signal);
			const job = jobs.running("run", opened.found.id)?.id ?? null;
			const last_result = lastResults(await runs.all(), tables).get(opened.found.file) ?? null;
			return c.json({ ...described, last_result, job } satisfies EvalAnswer);
		})
		.get("/:id/run/plan", query(planQuery), async (c) => {
			const { target } = c.req.valid("query");
			const opened = withTargets(await openEval(c.req.param("id"), services), target);
			const request = { evals: [opened.found.file], ...(target.length > 0 ? { targets: target } : {}) };
			return c.json(describeRunPlan(opened, request, services).answer satisfies RunPlanAnswer);
		})
		.get("/:id/tests", query(testsQuery), async (c) => {
			const { page, page_size, search } = c.req.valid("query");
			const opened = await openEval(c.req.param("id"), services);
			const matches = matcher(search);
			const wanted = opened.loaded.tests.filter(({ id, description, tags }) =>
				matches([id, description ?? "", ...tags].join(" ")),
			);
			const answer = mapPage(pageOf(wanted, page, page_size), (test) => describeTest(test, opened));
			return c.json(answer satisfies EvalTestsAnswer);
		});
}

function stateOf(known: EvalEntry["marks"]): "errors" | "warnings" | "clean" | "unknown" {
	if (!known) return "unknown";
	if (known.errors > 0) return "errors";
	return known.warnings > 0 ? "warnings" : "clean";
}
