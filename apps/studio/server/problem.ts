import {
	AgentvError,
	createOutputRedactor,
	type Diagnostic,
	type ErrorCode,
	locateFindings,
	type Redactor,
	RunStore,
} from "@agentv/core";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { EvalFinder, EvalMarksCache, RegistryReader, type StudioOptions } from "./find-eval.ts";
import { JobRefused, Jobs, RunJobs } from "./jobs.ts";
import { createSession, type Session } from "./session.ts";

interface Problem {
	readonly error: {
		readonly code: string;
		readonly message: string;
		readonly hint?: string;
		readonly details?: unknown;
	};
}

export function problem(
	c: Context,
	status: ContentfulStatusCode,
	code: string,
	message: string,
	more: { hint?: string; details?: unknown } = {},
): Response {
	return c.json({ error: { code, message, ...more } } satisfies Problem, status);
}

const statuses: Readonly<Record<ErrorCode, ContentfulStatusCode>> = {
	usage: 400,
	config: 422,
	"not-found": 404,
	refused: 409,
	failed: 502,
	"not-runnable": 422,
	interrupted: 409,
	internal: 500,
};

/** Reports unexpected errors to the operator instead of the page. */
export function answerError({ redact, options }: Pick<Services, "redact" | "options">) {
	return (error: Error, c: Context): Response => {
		if (error instanceof AgentvError && error.code !== "internal") {
			const details = detailsOf(error, redact);
			return problem(c, statuses[error.code], error.code, redact(error.message), {
				...(error.hint ? { hint: redact(error.hint) } : {}),
				...(details === undefined ? {} : { details }),
			});
		}
		if (error instanceof HTTPException)
			return problem(c, error.status as ContentfulStatusCode, "bad-request", error.message || "invalid request");
		options.report?.(error);
		return problem(c, 500, "internal", "internal error", { hint: "Try again; if the problem persists, report it." });
	};
}

function detailsOf(error: AgentvError, redact: Redactor): unknown {
	if (error instanceof JobRefused) return { job: error.job };
	return error.diagnostics.length === 0 ? undefined : locatedProblems(error.diagnostics, redact);
}

interface LocatedProblem {
	readonly rule: string;
	readonly message: string;
	readonly hint?: string | undefined;
	readonly line?: number | undefined;
	readonly column?: number | undefined;
}

/** Returns at most 100. */
export function locatedProblems(diagnostics: readonly Diagnostic[], redact: Redactor): LocatedProblem[] {
	return locateFindings(diagnostics.slice(0, 100)).map(({ diagnostic: { rule, message, hint }, range }) => ({
		rule,
		message: redact(message),
		hint: hint && redact(hint),
		line: range?.start.line,
		column: range?.start.column,
	}));
}

/** Responds with plain text to browsers, a JSON problem to programs. */
export function refuse(
	c: Context,
	status: 401 | 403 | 429,
	code: string,
	message: string,
	more: { hint: string },
): Response {
	const byBrowser = c.req.header("accept")?.includes("text/html") && !c.req.path.startsWith("/api/");
	if (!byBrowser) return problem(c, status, code, message, more);
	return c.text(`AgentV Studio: ${message}\n\n${more.hint}\n`, status);
}

type Wire = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Wire {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns an empty list if `value` is not one. */
export function listOf(value: unknown): Wire[] {
	return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

export interface Services {
	readonly options: StudioOptions;
	readonly session: Session;
	readonly jobs: Jobs;
	readonly registry: RegistryReader;
	readonly evals: EvalFinder;
	readonly marks: EvalMarksCache;
	readonly runs: RunStore;
	readonly runJobs: RunJobs;
	/**
	 * Redacts the environment's secrets and texts that look like secrets. An eval's secrets are only
	 * redacted in its own responses, so that a benchmark can't change how another is shown.
	 */
	readonly redact: Redactor;
}

export function createServices(options: StudioOptions): Services {
	const jobs = new Jobs();
	const registry = new RegistryReader(options);
	return {
		options,
		session: createSession(options.token),
		jobs,
		registry,
		runs: new RunStore(options),
		runJobs: new RunJobs(jobs),
		evals: new EvalFinder({ options, registry }),
		marks: new EvalMarksCache(options),
		redact: createOutputRedactor(options.env),
	};
}
