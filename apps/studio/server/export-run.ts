import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
	AgentvError,
	type AttemptFile,
	caseOutcomes,
	headRecord,
	isFinished,
	type OpenRun,
	pathKind,
	type ResultRow,
	RunTally,
	readAttempt,
	readBytes,
	terminalSafe,
	terminalSafeLine,
	toWireRow,
	toWireSummary,
} from "@agentv/core";
import { provenance, type RunResponse } from "./run-responses.ts";
import { attemptResponse, type Grade, type TestEntry, type TestResult, testEntry } from "./test-responses.ts";

/** Without empty fields and those of its `TestEntry`; only facts of the row unless `recorded`. */
export type ExportedResult = Partial<TestResult> & Pick<TestResult, "duration_ms" | "scores">;

export interface ExportedRun {
	readonly tests: readonly (TestEntry & { readonly results: readonly ExportedResult[] })[];
	readonly run: RunResponse;
}

/** Characters of a text and of all details, so that browsers can open the page. */
const maxText = 8000;
const maxDetails = 24_000_000;
/** Larger runs only have details of attempts that did not pass. */
const maxDetailed = 2000;

/**
 * Exports a run as one self-contained page that loads nothing and runs only its own script; in
 * pieces, because runs may be larger than memory.
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
		const results = outcome.attempts.map((row) => details.of(row));
		yield `${separator}${scriptText({ ...testEntry(outcome), results })}`;
		separator = ",\n";
	}
	yield `\n],\n"run":${scriptText(runResponse(run, tally))}}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

/**
 * Returns a built file, without text that would be markup inside a script. A CLI that runs from
 * source exports the data alone.
 */
function asset(pages: string, name: string, substitute: string): string {
	const file = join(pages, `${name}.gz`);
	if (pathKind(file) !== "file") return substitute;
	return gunzipSync(readBytes(file))
		.toString()
		.replace(/<(?=!--|script)/g, "\\x3c");
}

/** Keeps even injected markup from loading or running. Mantine needs style elements. */
function policyOf(script: string): string {
	const digest = createHash("sha256").update(script).digest("base64");
	return `default-src 'none'; script-src 'sha256-${digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
}

function runResponse({ run, summary, name }: OpenRun & { readonly name: string }, tally: RunTally): RunResponse {
	const { experiment, startedAt, benchmark, origin } = run;
	// The page must not reveal directories of this machine.
	const evals = run.evals.map((recorded) => ({ ...recorded, path: recorded.file }));
	const state = isFinished(summary) ? "finished" : "unfinished";
	const targets = tally.targets().map(({ target }) => target);
	const sum = tally.summary(summary?.durationMs ?? sumOf(tally));
	return {
		...headRecord({
			id: "run",
			directory: name,
			experiment,
			state,
			startedAt,
			planned: run.planned.length,
			evals,
			targets,
		}),
		...{ started_at: startedAt, state, summary: toWireSummary(sum), benchmark: benchmark?.id ?? null },
		provenance: provenance({ ...run, evals, origin: origin && { ...origin, path: origin.runId } }),
		...{ job: null, problem: null, origin_run: null, eval_id: null, resumable: false },
	};
}

function sumOf(tally: RunTally): number {
	return tally.targets().reduce((sum, { summary }) => sum + summary.durationMs, 0);
}

/** Excludes what the `TestEntry` has. */
const shownFields = [
	...["timestamp", "error", "warnings", "duration_ms", "token_usage", "cost_usd", "stop_reason", "cached", "rerun"],
	...["workspace_path", "timings_ms", "metadata", "input", "output", "output_cut", "expected_output", "criteria"],
	...["messages", "file_changes", "file_changes_cut", "judging", "logs"],
];

class Details {
	readonly #run: OpenRun;
	#characters = 0;
	#count = 0;

	constructor(run: OpenRun) {
		this.#run = run;
	}

	of(row: ResultRow): ExportedResult {
		const isLeftOut =
			this.#characters > maxDetails ||
			this.#count === maxDetailed ||
			(row.executionStatus === "ok" && this.#run.rows.count > maxDetailed);
		if (isLeftOut) {
			const { duration_ms, cost_usd, error, scores } = toWireRow(row);
			return { duration_ms, cost_usd, error, scores };
		}
		this.#count += 1;
		const result = resultOf(this.#run.directory, row);
		this.#characters += JSON.stringify(safe(result)).length;
		return result;
	}
}

/** Uses the row if the attempt's file is missing, or it or its output is outside the run's directory. */
function resultOf(directory: string, row: ResultRow): ExportedResult {
	const read = (file: AttemptFile | undefined) => attemptResponse({ row, file, directory });
	const file = row.file === undefined ? undefined : readAttempt(directory, row.file);
	try {
		if (file) return { ...shownOf(read(file)), recorded: true };
	} catch (error) {
		if (!(error instanceof AgentvError && error.code === "refused")) throw error;
	}
	return shownOf({ ...read(undefined), ...toWireRow(row) });
}

function shownOf(result: ExportedResult): ExportedResult {
	const shown = Object.entries(result).filter(([key, value]) => shownFields.includes(key) && !isEmpty(value));
	const { duration_ms, scores } = result;
	return { ...Object.fromEntries(shown), duration_ms, scores: scores.map(shownGrade) };
}

function shownGrade({ name, type, score, weight, verdict, veto, error, usage, assertions, parts }: Grade): Grade {
	return { name, type, score, weight, verdict, veto, error, usage, assertions, parts: parts?.map(shownGrade) };
}

function isEmpty(value: unknown): boolean {
	return value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
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

/** Escapes markup, and `##[`, which a CI server that logs the page would execute. */
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
