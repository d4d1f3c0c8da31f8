import { canonicalJson } from "../base/canonical-json.ts";
import { type Redactor, redactDeep } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import type { RunFile } from "../schema/run-file.ts";
import { addTrust, readTrust, type Trusted } from "./trust-record.ts";

const subject = "runs made here";

type Choices = Pick<RunFile, "runId" | "startedAt" | "evals" | "flags" | "origin">;

/** Some 120 bytes each. Older runs are dropped, and then need consent like received ones. */
const mostRuns = 5000;

/** Also checks that the record still selects the same evals and options. */
export function isMadeHere(run: RunFile, env: Environment): boolean {
	return readTrust(env).has(subject, noteOf(run));
}

/**
 * Records that the user made a run: its record may select what runs here. @param redact as
 * `run.json` is redacted
 */
export async function noteMadeRun(run: RunFile, redact: Redactor, env: Environment): Promise<void> {
	const { runId, startedAt, evals, flags, origin } = run;
	await addTrust(subject, [noteOf(redactDeep({ runId, startedAt, evals, flags, origin }, redact))], env, mostRuns);
}

/** Identifies a run and everything that its record selects. */
function noteOf({ runId, startedAt, evals, flags, origin }: Choices): Trusted {
	const chosen = { runId, startedAt, evals: evals.map(({ path }) => path), flags, origin };
	return { kind: "run", value: canonicalJson(chosen) };
}
