import {
	AgentvError,
	describePlan,
	fingerprintParts,
	readRunFile,
	refuseNewAccess,
	resumedRequest,
	testsNotRun,
} from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { CompareAnswer } from "../answers/compare.ts";
import type { StartedAnswer } from "../answers/jobs.ts";
import { mapPage, pageOf } from "../answers/page.ts";
import type { RunAnswer, RunHistoryAnswer, RunListAnswer, RunTestsAnswer, TestResultAnswer } from "../answers/runs.ts";
import {
	body,
	type CatalogRun,
	listField,
	nameField,
	pageField,
	pageSizeField,
	query,
	rowId,
	runHistory,
	runState,
	searchField,
	selectTests,
	testsQuery,
} from "../catalog.ts";
import { compareAnswer, comparedParts, comparedSorts } from "../compare.ts";
import { allKnown, describeRun, describeRunEntry, describeTest, describeTestResult } from "../describe-run.ts";
import { matcher } from "../find-eval.ts";
import { JobRefused } from "../jobs.ts";
import { followRun, planFor } from "../plans.ts";
import type { Services } from "../problem.ts";

const filters = {
	search: searchField,
	experiment: nameField,
	target: nameField,
	/** A benchmark's id, or `_` for runs without benchmark. */
	benchmark: nameField,
	/** Name or file of an eval. */
	eval: nameField,
};
const listQuery = z.object({ page: pageField, ...filters });
const compareQuery = z.object({
	/** Two to five runs; the first one is the baseline. */
	run: listField
		.refine((ids) => ids.length >= 2 && ids.length <= 5, "specify two to five runs")
		.refine((ids) => new Set(ids).size === ids.length, "a run is specified twice"),
	part: z.enum(comparedParts).optional(),
	vary: listField.pipe(z.array(z.enum(fingerprintParts))),
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	/** Only changed tests that differ in this part. */
	differing: z.enum([...fingerprintParts, "unknown"]).optional(),
	sort: z.enum(comparedSorts).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
const historyQuery = z.object(filters);

/** `GET /api/runs`, `/history`, `/compare`, `/:id`, `/:id/tests`, `/:id/tests/:test`. */
export function runReads(services: Services) {
	const { runs, tables, compared, redact } = services;
	return new Hono()
		.get("/", query(listQuery), async (c) => {
			const { page, ...wanted } = c.req.valid("query");
			const all = await runs.all();
			const shown = mapPage(pageOf(all.filter(filter(wanted)), page), (run) => describeRunEntry(run, services));
			return c.json({ ...shown, ...choices(all) } satisfies RunListAnswer);
		})
		.get("/history", query(historyQuery), async (c) => {
			const wanted = (await runs.all()).filter(filter(c.req.valid("query")));
			return c.json((await runHistory(wanted, tables)) satisfies RunHistoryAnswer);
		})
		.get("/compare", query(compareQuery), async (c) => {
			const { run, page_size: pageSize, part = "comparable", sort = "change", ...params } = c.req.valid("query");
			const found = await Promise.all(run.map((id) => runs.find(id)));
			const choices = { ...params, part, sort, pageSize, descending: params.descending === "true" };
			return c.json(compareAnswer(found, choices, compared) satisfies CompareAnswer);
		})
		.get("/:id", async (c) =>
			c.json((await describeRun(await runs.find(c.req.param("id")), services)) satisfies RunAnswer),
		)
		.get("/:id/tests", query(testsQuery), async (c) => {
			const params = c.req.valid("query");
			const { outcomes, tally } = tables.table((await runs.find(c.req.param("id"))).directory);
			const { passed, failed, errors, ...sum } = tally.summary(0);
			const page = pageOf(selectTests(outcomes, params), params.page, params.page_size);
			const answer = {
				...mapPage(page, (outcome) => describeTest(outcome, redact)),
				counts: { ok: passed, quality_failure: failed, execution_error: errors },
				not_run: testsNotRun({ ...sum, passed, failed, errors }),
				targets: [...new Set(outcomes.map(({ target }) => target))],
				evals: [...new Set(outcomes.map((outcome) => outcome.eval))],
			};
			return c.json(answer satisfies RunTestsAnswer);
		})
		.get("/:id/tests/:test", async (c) => {
			const { directory } = await runs.find(c.req.param("id"));
			const table = tables.table(directory);
			const index = table.rows.findIndex((row) => rowId(row) === c.req.param("test"));
			return c.json(describeTestResult(table, index, directory, redact) satisfies TestResultAnswer);
		});
}

function filter({ search, experiment, target, benchmark, eval: label }: z.output<typeof historyQuery>) {
	const matches = matcher(search);
	return (run: CatalogRun) =>
		(!experiment || run.experiment === experiment) &&
		(!target || run.targets.includes(target)) &&
		(!benchmark || (run.benchmark ?? "_") === benchmark) &&
		(!label || run.evals.some(({ file, name }) => file === label || name === label)) &&
		(!search || matches(`${run.id} ${run.experiment} ${run.evals.map(({ name }) => name)} ${run.targets}`));
}

/** Returns the values to filter by. */
function choices(all: readonly CatalogRun[]) {
	const sorted = (values: Iterable<string>) => [...new Set(values)].sort().slice(0, 500);
	return {
		experiments: sorted(all.map(({ experiment }) => experiment)),
		targets: sorted(all.flatMap(({ targets }) => targets)),
		benchmarks: sorted(all.flatMap(({ benchmark }) => benchmark ?? [])),
	};
}

/** `rerun_changed`: rerun tests whose dependencies have changed, instead of refusing to resume. */
const resumeBody = z.object({ rerun_changed: z.boolean().optional() });

/** `POST /api/runs/:id/resume`: resumes an interrupted run. */
export function runWrites(services: Services) {
	const { runs, jobs, evals, runJobs } = services;
	return new Hono().post("/:id/resume", body(resumeBody), async (c) => {
		const run = await runs.find(c.req.param("id"));
		const { rerun_changed: rerunChanged = false } = c.req.valid("json");
		const busy = jobs.get(runJobs.of(run.directory) ?? "");
		if (busy) throw new JobRefused(busy, run.id);
		if (runState(run) !== "interrupted") throw new AgentvError("refused", "the run is not interrupted");
		const file = readRunFile(run.directory);
		if (!(await allKnown(file, services)))
			throw new AgentvError(
				"refused",
				"the run's evals, targets file or .env file are outside the directories of Studio",
				{
					hint: "Register their benchmark, or start Studio in their directory.",
				},
			);
		const plan = planFor(resumedRequest(run.directory, { evals: [] }), services);
		refuseNewAccess(plan.newAccess, plan.redact);
		// Fails here, in the response, rather than in the job.
		describePlan(plan, { directory: run.directory, retryErrors: false, rerunChanged });
		const locks = await Promise.all(file.evals.map(async ({ path }) => (await evals.ofFile(path))?.id ?? path));
		const job = jobs.start(
			"run",
			run.id,
			(signal) => followRun(plan, services, { signal, resume: run.directory, rerunChanged }, () => job.id),
			locks,
		);
		return c.json({ job: job.id } satisfies StartedAnswer, 202);
	});
}
