import { AgentvError, grantTrust, type RunRequest, refuseNewAccess } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import { makeBundle } from "../bundles.ts";
import { describeEntry, describeEval, describeTest, type EvalListAnswer, openEval } from "../describe-eval.ts";
import { type EvalMarkEvent, type EvalMarks, matcher, placeOf } from "../find-eval.ts";
import { applyFix, describeRunPlan, planFor, previewFix, withTargets } from "../plans.ts";
import type { Services } from "../problem.ts";
import {
	body,
	eventStream,
	listField,
	mapPage,
	nameField,
	pageField,
	pageOf,
	pageSizeField,
	query,
	searchField,
} from "../request.ts";
import { followRun, lastResults } from "../run-responses.ts";

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
	const { evals, marks, runs } = services;
	return new Hono()
		.get("/", query(listQuery), async (c) => {
			const { benchmark, page, search, state } = c.req.valid("query");
			const listing = await evals.list(placeOf(benchmark ?? null, services));
			const matches = matcher(search);
			const wanted = listing.evals.filter(
				({ path, file }) =>
					(matches(path) || matches(marks.known(file)?.name ?? "")) && (!state || state === stateOf(marks.known(file))),
			);
			const problem = listing.cut ? "the directory is too large to search completely" : null;
			const last = await lastResults(runs);
			const shown = mapPage(pageOf(wanted, page), (found) => ({
				...describeEntry(found, last, services),
				marks: marks.known(found.file),
			}));
			return c.json({ ...shown, problem } satisfies EvalListAnswer);
		})
		.get("/marks", query(marksQuery), async (c) => {
			const matches = await Promise.all(c.req.valid("query").id.map((id) => evals.find(id)));
			const ids = new Map(matches.map(({ file, id }) => [file, id]));
			return eventStream(c, services, async (send, gone) => {
				for await (const { file, marks: seen } of marks.look([...ids.keys()], gone))
					await send({ type: "marks", id: ids.get(file) ?? "", marks: seen } satisfies EvalMarkEvent);
				await send({ type: "end" } satisfies EvalMarkEvent);
			});
		})
		.get("/:id", async (c) => {
			const opened = await openEval(c.req.param("id"), services);
			return c.json(await describeEval(opened, services, c.req.raw.signal));
		})
		.get("/:id/run/plan", query(planQuery), async (c) => {
			const { target } = c.req.valid("query");
			const opened = withTargets(await openEval(c.req.param("id"), services), target);
			const request = { evals: [opened.found.file], ...(target.length > 0 ? { targets: target } : {}) };
			return c.json(describeRunPlan(opened, request, services).answer);
		})
		.get("/:id/tests", query(testsQuery), async (c) => {
			const { page, page_size, search } = c.req.valid("query");
			const opened = await openEval(c.req.param("id"), services);
			const matches = matcher(search);
			const wanted = opened.loaded.tests.filter(({ id, description, tags }) =>
				matches([id, description ?? "", ...tags].join(" ")),
			);
			return c.json(mapPage(pageOf(wanted, page, page_size), (test) => describeTest(test, opened)));
		});
}

function stateOf(known: EvalMarks | null): "errors" | "warnings" | "clean" | "unknown" {
	if (!known) return "unknown";
	if (known.errors > 0) return "errors";
	return known.warnings > 0 ? "warnings" : "clean";
}

const name = z.string().min(1).max(500);
const runBody = z.object({
	/** Of the reviewed plan; required for evals of synced benchmarks. */
	digest: z.string().max(200).optional(),
	/** Also consents to new access in the plan. */
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
	/** Default: the eval's name and the time. */
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
	/** SHA-256 prefixes of texts that only look like secrets. */
	allow_secrets: z
		.array(z.string().regex(/^[0-9a-f]{8,64}$/))
		.max(100)
		.optional(),
});

export function evalWrites(services: Services) {
	const { jobs, evals } = services;
	return new Hono()
		.post("/:id/fix/preview", body(previewBody), async (c) => {
			const opened = await openEval(c.req.param("id"), services);
			return c.json(await previewFix(opened, c.req.valid("json"), services));
		})
		.post("/:id/fix", body(fixBody), async (c) => {
			const { digest, ...fixModes } = c.req.valid("json");
			const opened = await openEval(c.req.param("id"), services);
			return c.json(await applyFix(opened, fixModes, digest, services));
		})
		.post("/:id/bundle", body(bundleBody), async (c) => {
			const choices = c.req.valid("json");
			const found = await evals.find(c.req.param("id"));
			const job = jobs.start("bundle", found.id, (signal) => makeBundle(found, choices, services, signal));
			return c.json({ job: job.id }, 202);
		})
		.post("/:id/run", body(runBody), async (c) => {
			const { digest, trust = false, targets = [], ...rest } = c.req.valid("json");
			const opened = await openEval(c.req.param("id"), services);
			const { id, file, place } = opened.found;
			// The page showed the plan for all tests, regardless of the selection.
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
			return c.json({ job: job.id }, 202);
		});
}

type Chosen = { [Key in "tests" | "repeat" | "workers" | "experiment"]?: RunRequest[Key] | undefined };

function requestOf(file: string, targets: readonly string[], chosen: Chosen): RunRequest {
	const defined = Object.entries(chosen).filter(([, value]) => value !== undefined);
	return { evals: [file], ...(targets.length > 0 ? { targets } : {}), ...Object.fromEntries(defined) };
}
