import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
	AgentvError,
	type CaseOutcome,
	caseOutcomes,
	isFinished,
	type OpenRun,
	pathKind,
	type ResultRow,
	RunTally,
	readBytes,
	terminalSafe,
	terminalSafeLine,
	toWireRow,
} from "@agentv/core";
import type { RunAnswer, RunTestEntry, ScoreAnswer, TestResultAnswer } from "./answers/runs.ts";
import {
	describeAttempt,
	describeRecord,
	describeSummary,
	describeTest,
	provenance,
	readRecord,
	scoreOf,
} from "./describe-run.ts";
import { listOf } from "./problem.ts";

/**
 * An attempt without its empty fields and without what `RunTestEntry` says of it; if it is not `recorded`, only what its
 * row contains.
 */
export type ExportedResult = Partial<Omit<TestResultAnswer, "scores">> & { readonly scores: readonly ExportedScore[] };
export type ExportedScore = Partial<ScoreAnswer>;

/** The data of an exported page. */
export interface ExportedRun {
	readonly tests: readonly (RunTestEntry & { readonly results: readonly ExportedResult[] })[];
	readonly run: RunAnswer;
}

/** Limits, so that browsers can open the page: characters of a text, and of all attempts with details. */
const maxText = 8000;
const maxDetails = 24_000_000;
/** Maximum number of attempts with details; larger runs only have those of attempts that did not pass. */
const maxDetailed = 2000;

/**
 * Exports a run as one self-contained page, Studio's screens of the run: in pieces, because runs may be larger than
 * memory. It loads nothing and runs only its own script.
 * @param pages directory of Studio's built pages
 */
export function* exportRun(run: OpenRun & { readonly name: string }, pages: string): Generator<string> {
	const title = run.run.evals.map(({ name }) => name).join(", ") || "run";
	const script = asset(pages, "report.js", "document.body.append('This AgentV was built without Studio.')");
	yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(`Results of ${title}, run ${run.run.startedAt}`)}">
<title>${escaped(title)} · AgentV</title>
<style>${asset(pages, "report.css", "")}</style>
</head>
<body>
<div id="root"></div>
<noscript><p>This page needs JavaScript to list its tests.</p></noscript>
<script type="application/json" id="data">{"tests":[`;
	const tally = new RunTally(run.run);
	const details = new Details(run);
	let separator = "\n";
	for (const outcome of caseOutcomes(run.rows, run.run)) {
		tally.add(outcome);
		const results = outcome.attempts.map((row) => details.of(row, outcome));
		yield `${separator}${scriptText({ ...describeTest(outcome, same), results })}`;
		separator = ",\n";
	}
	yield `\n],\n"run":${scriptText(runAnswer(run, tally))}}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

/**
 * Returns a built file of the page, without text that would be markup inside a script. A CLI that runs from source
 * exports the data alone.
 */
function asset(pages: string, name: string, substitute: string): string {
	const file = join(pages, `${name}.gz`);
	if (pathKind(file) !== "file") return substitute;
	return gunzipSync(readBytes(file))
		.toString()
		.replace(/<(?=!--|script)/g, "\\x3c");
}

/** Defence in depth: even injected markup could not run or load anything. Mantine sets variables in style elements. */
function policyOf(script: string): string {
	const digest = createHash("sha256").update(script).digest("base64");
	return `default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
}

/** Records are redacted when they are written. */
const same = (text: string) => text;

function runAnswer({ run, summary, name }: OpenRun & { readonly name: string }, tally: RunTally): RunAnswer {
	const { origin } = run;
	return {
		id: "run",
		experiment: run.experiment,
		started_at: run.startedAt,
		benchmark: run.benchmark?.id ?? null,
		evals: run.evals.map((recorded) => recorded.name),
		targets: tally.targets().map(({ target }) => target),
		planned: run.planned.length,
		state: isFinished(summary) ? "done" : "interrupted",
		summary: describeSummary(tally.summary(summary?.durationMs ?? sumOf(tally))),
		...{ job: null, problem: null, eval_id: null, resumable: false, directory: name },
		provenance: {
			...provenance(run, same),
			origin: origin ? { kind: origin.kind, name: origin.runId, run: null, graders: origin.graders ?? null } : null,
		},
	};
}

function sumOf(tally: RunTally): number {
	return tally.targets().reduce((sum, { summary }) => sum + summary.durationMs, 0);
}

/** Adds details of attempts up to the limits of the page. */
class Details {
	readonly #run: OpenRun;
	#characters = 0;
	#count = 0;

	constructor(run: OpenRun) {
		this.#run = run;
	}

	of(row: ResultRow, outcome: CaseOutcome<ResultRow>): ExportedResult {
		const wire = toWireRow(row);
		const isLeftOut =
			this.#characters > maxDetails ||
			this.#count === maxDetailed ||
			(row.executionStatus === "ok" && this.#run.rows.count > maxDetailed);
		if (isLeftOut)
			return { ...ownFacts(row, outcome), scores: listOf(wire["scores"]).map((score) => filled(scoreOf(score, same))) };
		this.#count += 1;
		const read = recordOf(this.#run, row.file);
		const { test: _, ...result } = describeRecord(
			{ row, outcome, record: read ?? wire, directory: this.#run.directory },
			same,
		);
		this.#characters += JSON.stringify(safe(result)).length;
		const { scores } = result;
		return { ...filled(result), ...ownFacts(row, outcome), scores, recorded: read !== undefined };
	}
}

/** Returns what distinguishes an attempt of a repeated test from the test. */
function ownFacts(row: ResultRow, { attempts }: CaseOutcome<ResultRow>) {
	if (attempts.length === 1) return {};
	const { duration_ms, cost_usd, error } = describeAttempt(row, same);
	return { duration_ms, cost_usd, error };
}

/** Drops empty fields. */
function filled<Value extends object>(value: Value): Partial<Value> {
	return Object.fromEntries(
		Object.entries(value).filter(([key, inner]) => key === "score" || !isEmpty(inner)),
	) as Partial<Value>;
}

/** Returns undefined if the file is missing, invalid or outside the run's directory. */
function recordOf({ directory }: OpenRun, file: string | undefined) {
	try {
		const record = readRecord(directory, file);
		return record["test_id"] === undefined ? undefined : record;
	} catch (error) {
		if (error instanceof AgentvError && error.code === "refused") return undefined;
		throw error;
	}
}

function isEmpty(value: unknown): boolean {
	return !value || (typeof value === "object" && Object.keys(value).length === 0);
}

/** Makes characters visible that reorder or hide text, and cuts long texts. */
function safe<Value>(value: Value): Value {
	const visit = (inner: unknown): unknown => {
		if (typeof inner === "string") return terminalSafe(cut(inner));
		if (Array.isArray(inner)) return inner.map(visit);
		if (typeof inner !== "object" || inner === null) return inner;
		return Object.fromEntries(Object.entries(inner).map(([key, part]) => [terminalSafe(key), visit(part)]));
	};
	return visit(value) as Value;
}

function cut(text: string): string {
	return text.length > maxText ? `${text.slice(0, maxText)}\n… ${text.length - maxText} more characters` : text;
}

/** Returns JSON for a script element. A CI server that logs the page would execute `##[` as a command. */
function scriptText(value: unknown): string {
	const text = JSON.stringify(value);
	// JSON escapes control characters. Most tests have neither these nor long texts.
	const isSafe = text.length < maxText && !/\\[bfru]/.test(text) && terminalSafe(text) === text;
	return (isSafe ? text : JSON.stringify(safe(value)))
		.replaceAll("<", "\\u003c")
		.replace(/(##[a-z]*)\[/gi, "$1\\u005b");
}

function escaped(text: string): string {
	return terminalSafeLine(text)
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;")
		.replace(/(##[a-z]*)\[/gi, "$1&#91;");
}
