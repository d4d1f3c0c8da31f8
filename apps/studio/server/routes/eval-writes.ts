import { AgentvError, type RunRequest } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { StartedAnswer } from "../answers/jobs.ts";
import { openEval } from "../opened-eval.ts";
import { followRun } from "../run-events.ts";
import { describeRunPlan, planFor, withTargets } from "../run-plan.ts";
import type { Services } from "../services.ts";
import { body } from "../valid.ts";

const name = z.string().min(1).max(500);
const runBody = z.object({
	/** Of the plan that was looked at; an eval of a synced benchmark is run with it only. */
	digest: z.string().max(200).optional(),
	targets: z.array(name).max(50).optional(),
	/** Globs over test ids. */
	tests: z.array(name).max(500).optional(),
	repeat: z.number().int().min(1).max(1000).optional(),
	workers: z.number().int().min(1).max(256).optional(),
	experiment: name.optional(),
});

/** Running an eval. */
export function evalWrites(services: Services) {
	const { jobs } = services;
	return new Hono().post("/:id/run", body(runBody), async (c) => {
		const { digest, targets = [], ...rest } = c.req.valid("json");
		const opened = await openEval(c.req.param("id"), services);
		const { id, file, place } = opened.found;
		const request = requestOf(file, targets, rest);
		const seen = describeRunPlan(withTargets(opened, targets), request, services);
		if (digest === undefined ? place.foreign : digest !== seen.digest)
			throw new AgentvError(
				"refused",
				digest ? "what would be run has changed" : "nobody looked at what would be run",
				{
					hint: "look at what will be executed, then confirm it",
				},
			);
		const plan = planFor(request, services);
		const job = jobs.start("run", id, (signal) => followRun(plan, services, { signal }, () => job.id));
		return c.json({ job: job.id } satisfies StartedAnswer, 202);
	});
}

type Chosen = { [Key in "tests" | "repeat" | "workers" | "experiment"]?: RunRequest[Key] | undefined };

function requestOf(file: string, targets: readonly string[], chosen: Chosen): RunRequest {
	const given = Object.entries(chosen).filter(([, value]) => value !== undefined);
	return { evals: [file], ...(targets.length > 0 ? { targets } : {}), ...Object.fromEntries(given) };
}
