import { AgentvError, describePlan, readRunFile, refuseNewAccess, resumedRequest } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { StartedAnswer } from "../answers/jobs.ts";
import { allKnown } from "../describe-run.ts";
import { JobRefused } from "../jobs.ts";
import { runState } from "../run-catalog.ts";
import { followRun } from "../run-events.ts";
import { planFor } from "../run-plan.ts";
import type { Services } from "../services.ts";
import { body } from "../valid.ts";

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
