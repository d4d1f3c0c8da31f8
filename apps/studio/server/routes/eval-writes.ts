import { AgentvError, grantTrust, type RunRequest, refuseNewAccess } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import type { FixAnswer, FixPreviewAnswer } from "../answers/evals.ts";
import type { StartedAnswer } from "../answers/jobs.ts";
import { makeBundle } from "../bundle-shelf.ts";
import { applyFix, previewFix } from "../fix-plan.ts";
import { openEval } from "../opened-eval.ts";
import { followRun } from "../run-events.ts";
import { describeRunPlan, planFor, withTargets } from "../run-plan.ts";
import type { Services } from "../services.ts";
import { body } from "../valid.ts";

const name = z.string().min(1).max(500);
const runBody = z.object({
	/** Digest of the reviewed plan; required for evals of synced benchmarks. */
	digest: z.string().max(200).optional(),
	/** Whether to also consent to new access in the plan. */
	trust: z.boolean().optional(),
	targets: z.array(name).max(50).optional(),
	/** Globs over test ids. */
	tests: z.array(name).max(500).optional(),
	repeat: z.number().int().min(1).max(1000).optional(),
	workers: z.number().int().min(1).max(256).optional(),
	experiment: name.optional(),
});

const modes = { migrate: z.boolean().optional(), pin: z.boolean().optional() };
const previewBody = z.object(modes);
const fixBody = z.object({ ...modes, digest: z.string().max(200) });
const bundleBody = z.object({
	/** Name of its directory; default: the eval's name and the time. */
	name: z
		.string()
		.regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, "expected lower-case letters, digits, '.', '_' and '-'")
		.optional(),
	targets: z.array(name).max(50).optional(),
	capture_env: z.boolean().optional(),
	pin: z.boolean().optional(),
	vendor_repos: z.boolean().optional(),
	/** Globs below the eval's directory. */
	include: z.array(name).max(100).optional(),
	/** SHA-256 prefixes of texts that are suspected to be secrets but are not. */
	allow_secrets: z
		.array(z.string().regex(/^[0-9a-f]{8,64}$/))
		.max(100)
		.optional(),
});

/** Adds routes to run, fix and bundle an eval. */
export function evalWrites(services: Services) {
	const { jobs, evals } = services;
	return new Hono()
		.post("/:id/fix/preview", body(previewBody), async (c) => {
			const opened = await openEval(c.req.param("id"), services);
			return c.json((await previewFix(opened, c.req.valid("json"), services)) satisfies FixPreviewAnswer);
		})
		.post("/:id/fix", body(fixBody), async (c) => {
			const { digest, ...fixModes } = c.req.valid("json");
			const opened = await openEval(c.req.param("id"), services);
			return c.json((await applyFix(opened, fixModes, digest, services)) satisfies FixAnswer);
		})
		.post("/:id/bundle", body(bundleBody), async (c) => {
			const choices = c.req.valid("json");
			const found = await evals.find(c.req.param("id"));
			const job = jobs.start("bundle", found.id, (signal) => makeBundle(found, choices, services, signal));
			return c.json({ job: job.id } satisfies StartedAnswer, 202);
		})
		.post("/:id/run", body(runBody), async (c) => {
			const { digest, trust = false, targets = [], ...rest } = c.req.valid("json");
			const opened = await openEval(c.req.param("id"), services);
			const { id, file, place } = opened.found;
			// The page shows the plan for all tests, regardless of the selection.
			const whole = requestOf(file, targets, {});
			const { answer: seen, plan: shown } = describeRunPlan(withTargets(opened, targets), whole, services);
			if (digest === undefined ? place.foreign || trust : digest !== seen.digest)
				throw new AgentvError(
					"refused",
					digest ? "the plan has changed since it was reviewed" : "the plan was not confirmed",
					{
						hint: "Review the plan before starting the run.",
					},
				);
			if (trust && shown) await grantTrust(shown.newAccess, services.options.env);
			const plan = planFor(requestOf(file, targets, rest), services);
			refuseNewAccess(plan.newAccess, plan.redact);
			const job = jobs.start("run", id, (signal) => followRun(plan, services, { signal }, () => job.id));
			return c.json({ job: job.id } satisfies StartedAnswer, 202);
		});
}

type Chosen = { [Key in "tests" | "repeat" | "workers" | "experiment"]?: RunRequest[Key] | undefined };

function requestOf(file: string, targets: readonly string[], chosen: Chosen): RunRequest {
	const defined = Object.entries(chosen).filter(([, value]) => value !== undefined);
	return { evals: [file], ...(targets.length > 0 ? { targets } : {}), ...Object.fromEntries(defined) };
}
