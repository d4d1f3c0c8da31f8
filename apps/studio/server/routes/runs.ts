import { AgentvError, describePlan, type RunHead, readRunFile, refuseNewAccess, resumedRequest } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import { compareQuery, compareResponse } from "../compare.ts";
import { matcher } from "../find-eval.ts";
import { JobRefused } from "../jobs.ts";
import { planFor } from "../plans.ts";
import type { Services } from "../problem.ts";
import { body, mapPage, nameField, pageField, pageOf, query, searchField } from "../request.ts";
import {
	benchmarkOf,
	findRun,
	followRun,
	isResumable,
	runEntry,
	runHistory,
	runId,
	runResponse,
} from "../run-responses.ts";
import { selectTests, testEntry, testResult, testsQuery } from "../test-responses.ts";

const filters = {
	search: searchField,
	experiment: nameField,
	target: nameField,
	/** `_` for runs without benchmark. */
	benchmark: nameField,
	eval: nameField,
};
const listQuery = z.object({ page: pageField, ...filters });
const historyQuery = z.object(filters);

export type RunList = Awaited<ReturnType<typeof runList>>;

async function runList({ page, ...wanted }: z.output<typeof listQuery>, services: Services) {
	const all = await services.runs.heads();
	return { ...mapPage(pageOf(all.filter(filter(wanted)), page), (run) => runEntry(run, services)), ...choices(all) };
}

export type RunTests = ReturnType<typeof runTests>;

function runTests({ directory }: RunHead, wanted: z.output<typeof testsQuery>, { runs }: Services) {
	const { outcomes, tally } = runs.table(directory);
	const { planned, passed, failed, errors: error } = tally.summary(0);
	return {
		...mapPage(pageOf(selectTests(outcomes, wanted), wanted.page, wanted.page_size), testEntry),
		/** Ignores the filter. */
		counts: { passed, failed, error, not_run: planned - passed - failed - error },
		targets: [...new Set(outcomes.map(({ target }) => target))],
		evals: [...new Set(outcomes.map((outcome) => outcome.eval))],
	};
}

/** `GET /api/runs`, `/history`, `/compare`, `/:id`, `/:id/tests`, `/:id/tests/:test`. */
export function runReads(services: Services) {
	const { runs } = services;
	const find = (c: { req: { param(name: "id"): string } }) => findRun(c.req.param("id"), runs);
	return new Hono()
		.get("/", query(listQuery), async (c) => c.json(await runList(c.req.valid("query"), services)))
		.get("/history", query(historyQuery), async (c) => {
			const wanted = (await runs.heads()).filter(filter(c.req.valid("query")));
			return c.json(await runHistory(wanted, runs));
		})
		.get("/compare", query(compareQuery), async (c) => {
			const wanted = c.req.valid("query");
			const compared = await Promise.all(wanted.run.map((id) => findRun(id, runs)));
			return c.json(compareResponse(compared, wanted, runs));
		})
		.get("/:id", async (c) => c.json(await runResponse(await find(c), services)))
		.get("/:id/tests", query(testsQuery), async (c) => c.json(runTests(await find(c), c.req.valid("query"), services)))
		.get("/:id/tests/:test", async (c) => {
			const { directory } = await find(c);
			return c.json(testResult(runs.table(directory), c.req.param("test"), directory));
		});
}

function filter({ search, experiment, target, benchmark, eval: label }: z.output<typeof historyQuery>) {
	const matches = matcher(search);
	return (run: RunHead) =>
		(!experiment || run.experiment === experiment) &&
		(!target || run.targets.includes(target)) &&
		(!benchmark || (benchmarkOf(run) ?? "_") === benchmark) &&
		(!label || run.evals.some(({ file, name }) => file === label || name === label)) &&
		(!search || matches(`${runId(run)} ${run.experiment} ${run.evals.map(({ name }) => name)} ${run.targets}`));
}

function choices(all: readonly RunHead[]) {
	const sorted = (values: Iterable<string>) => [...new Set(values)].sort().slice(0, 500);
	return {
		experiments: sorted(all.map(({ experiment }) => experiment)),
		targets: sorted(all.flatMap(({ targets }) => targets)),
		benchmarks: sorted(all.flatMap((run) => benchmarkOf(run) ?? [])),
	};
}

/** `rerun_changed` reruns tests whose dependencies have changed; the default refuses to resume. */
const resumeBody = z.object({ rerun_changed: z.boolean().optional() });

export function runWrites(services: Services) {
	const { runs, jobs, evals, runJobs } = services;
	return new Hono().post("/:id/resume", body(resumeBody), async (c) => {
		const run = await findRun(c.req.param("id"), runs);
		const { rerun_changed: rerunChanged = false } = c.req.valid("json");
		const busy = jobs.get(runJobs.of(run.directory) ?? "");
		if (busy) throw new JobRefused(busy, runId(run));
		if (runEntry(run, services).state !== "unfinished") throw new AgentvError("refused", "the run is not interrupted");
		const file = readRunFile(run.directory);
		if (!(await isResumable(file, services)))
			throw new AgentvError(
				"refused",
				"the run's evals, targets file or .env file are outside the directories of Studio",
				{
					hint: "Register their benchmark, or start Studio in their directory.",
				},
			);
		const plan = planFor(resumedRequest(run.directory, { evals: [] }), services);
		refuseNewAccess(plan.newAccess, plan.redact);
		// Throws here, so that the response fails rather than the job.
		describePlan(plan, { directory: run.directory, retryErrors: false, rerunChanged });
		const locks = await Promise.all(file.evals.map(async ({ path }) => (await evals.ofFile(path))?.id ?? path));
		const job = jobs.start(
			"run",
			runId(run),
			(signal) => followRun(plan, services, { signal, resume: run.directory, rerunChanged }, () => job.id),
			locks,
		);
		return c.json({ job: job.id }, 202);
	});
}
