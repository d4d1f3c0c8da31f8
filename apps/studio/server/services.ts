import { createOutputRedactor, type Redactor } from "@agentv/core";
import { ComparedRuns } from "./compared-runs.ts";
import { EvalFinder } from "./eval-finder.ts";
import { EvalMarksCache } from "./eval-marks.ts";
import { Jobs } from "./jobs.ts";
import type { StudioOptions } from "./options.ts";
import { RegistryReader } from "./registry-reader.ts";
import { RunCatalog } from "./run-catalog.ts";
import { RunJobs } from "./run-jobs.ts";
import { RunTables } from "./run-tables.ts";
import { createSession, type Session } from "./session.ts";

/** Dependencies of the routes. */
export interface Services {
	readonly options: StudioOptions;
	readonly session: Session;
	readonly jobs: Jobs;
	readonly registry: RegistryReader;
	readonly evals: EvalFinder;
	readonly marks: EvalMarksCache;
	readonly runs: RunCatalog;
	readonly tables: RunTables;
	readonly compared: ComparedRuns;
	readonly runJobs: RunJobs;
	/**
	 * Redacts the environment's secrets and texts that look like secrets. Secrets of an eval are only redacted in that
	 * eval's responses, so that one benchmark can't change how another is shown.
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
		runs: new RunCatalog(options),
		tables: new RunTables(),
		compared: new ComparedRuns(),
		runJobs: new RunJobs(jobs),
		evals: new EvalFinder({ options, registry }),
		marks: new EvalMarksCache(options),
		redact: createOutputRedactor(options.env),
	};
}
