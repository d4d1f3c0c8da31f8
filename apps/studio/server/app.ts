import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getPath } from "hono/utils/url";
import { hostGuard, jsonGuard, loginGuard, originGuard, routedPath, securityHeaders } from "./guard.ts";
import { answerError, problem, type Services } from "./problem.ts";
import { redactedAnswers } from "./request.ts";
import { benchmarkReads, benchmarkWrites } from "./routes/benchmarks.ts";
import { bundleReads } from "./routes/bundles.ts";
import { evalReads, evalWrites } from "./routes/evals.ts";
import { aboutReads, jobReads, jobWrites } from "./routes/jobs.ts";
import { runReads, runWrites } from "./routes/runs.ts";

const largestBody = 1024 * 1024;

function reads(services: Services) {
	return new Hono()
		.route("/about", aboutReads(services))
		.route("/benchmarks", benchmarkReads(services))
		.route("/bundles", bundleReads(services))
		.route("/evals", evalReads(services))
		.route("/jobs", jobReads(services))
		.route("/runs", runReads(services));
}

/** Omitted with `--read-only`. */
function writes(services: Services) {
	return new Hono()
		.route("/benchmarks", benchmarkWrites(services))
		.route("/evals", evalWrites(services))
		.route("/jobs", jobWrites(services))
		.route("/runs", runWrites(services));
}

/** Creates the API with its guards; `startStudio` adds the pages. */
export function createApi(services: Services) {
	const app = new Hono({ getPath: (request) => routedPath(getPath(request)) });
	app.onError(answerError(services));
	app.notFound((c) => problem(c, 404, "not-found", `no route matches ${c.req.path}`));
	app.use(securityHeaders, hostGuard(services.options));
	app.use("/api/*", originGuard);
	app.use(loginGuard(services.session));
	app.use("/api/*", jsonGuard);
	app.use("/api/*", redactedAnswers(services));
	app.use(
		"/api/*",
		bodyLimit({ maxSize: largestBody, onError: (c) => problem(c, 413, "too-large", "the body is larger than 1 MB") }),
	);
	app.route("/api", reads(services));
	if (!services.options.readOnly) app.route("/api", writes(services));
	return app;
}

export type ReadApi = ReturnType<typeof reads>;
export type WriteApi = ReturnType<typeof writes>;
