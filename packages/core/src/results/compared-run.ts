import { join } from "node:path";
import { readJson } from "../base/read-json.ts";
import { readRunFile, readSummary, wholeLines } from "../model/result-files.ts";
import { executionStatuses, type Fingerprint, fingerprintParts } from "../schema/result-row.ts";
import { type AttemptScore, type CaseScore, caseScores } from "./case-scores.ts";
import { isFinished } from "./run-state.ts";
import { isRunUnderWay } from "./run-table.ts";

/** A run as comparing sees it. */
export interface ComparedRun {
	/** Absolute. */
	readonly directory: string;
	readonly runId: string;
	readonly experiment: string;
	readonly startedAt: string;
	/** `unfinished`: interrupted or killed before all was done. */
	readonly state: "finished" | "unfinished" | "under way";
	/** Tests × targets. */
	readonly planned: number;
	readonly cases: readonly CaseScore[];
	/** Numbers (from 1) of lines of `index.jsonl` that are no rows. */
	readonly badLines: readonly number[];
}

/** Reads of a run what comparing needs, row by row. @throws AgentvError `not-found`, `config` */
export function readComparedRun(directory: string): ComparedRun {
	const run = readRunFile(directory);
	const state = stateOf(directory);
	const badLines: number[] = [];
	const cases = caseScores(attemptScores(directory, badLines));
	const { runId, experiment, startedAt, planned } = run;
	return { directory, runId, experiment, startedAt, state, planned: planned.length, cases, badLines };
}

function stateOf(directory: string): ComparedRun["state"] {
	if (isFinished(readSummary(directory))) return "finished";
	return isRunUnderWay(directory) ? "under way" : "unfinished";
}

/** Not through the rows' schema: of a row's many fields few are looked at, which is several times as fast. */
function* attemptScores(directory: string, badLines: number[]): Generator<AttemptScore> {
	const known = new Map<string, string>();
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const read = readJson(text);
		const row = "value" in read ? attemptScore(read.value, known) : undefined;
		if (row) yield row;
		else badLines.push(line);
	}
}

function attemptScore(value: unknown, known: Map<string, string>): AttemptScore | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { test_id: testId, eval: label, target, attempt, score, execution_status, fingerprint, error } = value as Wire;
	const status = executionStatuses.find((one) => one === execution_status);
	if (typeof testId !== "string" || typeof label !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number" || typeof score !== "number" || !status) return undefined;
	const print = readFingerprint(fingerprint, known);
	return {
		...{ eval: shared(label, known), testId, target: shared(target, known), attempt },
		...(status !== "execution_error" ? { score } : isOfAgent(error) ? { isBroken: true } : {}),
		...(print ? { fingerprint: print } : {}),
	};
}

function isOfAgent(error: unknown): boolean {
	return typeof error === "object" && error !== null && (error as Wire)["caused_by"] === "agent";
}

type Wire = Readonly<Record<string, unknown>>;

function readFingerprint(value: unknown, known: Map<string, string>): Fingerprint | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const wire = value as Wire;
	if (!fingerprintParts.every((part) => typeof wire[part] === "string")) return undefined;
	const { test, graders, workspace, hooks, target } = wire as Fingerprint;
	return {
		...{ test, graders: shared(graders, known), workspace: shared(workspace, known) },
		...{ hooks: shared(hooks, known), target: shared(target, known) },
	};
}

/** One copy of a text that many rows hold. */
function shared(text: string, known: Map<string, string>): string {
	const copy = known.get(text);
	if (copy !== undefined) return copy;
	known.set(text, text);
	return text;
}
