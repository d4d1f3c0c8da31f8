import {
	type AttemptFile,
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	formatDuration,
	outcomeWords,
	type ResultRow,
	type RunTally,
	terminalSafe,
} from "@agentv/core";
import type { ExportedRun } from "../results/exported-run.ts";
import { cachedText, inputText, rerunText, timeText } from "../run/attempt-detail-text.ts";
import { causeText, outcomeScore, vetoText } from "../run/failure-text.ts";
import { costText, rowSpending, spendingTexts, usageText } from "../run/spending-text.ts";

/** Limits for the texts of an attempt and of the page, so that browsers can open it. */
const longestText = 8000;
const mostText = 24_000_000;
/** Maximum number of attempts with details; larger runs only show those of attempts that did not pass. */
const mostLookedInto = 2000;

/** Writes the tests of a run as a JSON array for a script element, in pieces. Adds each to `tally`. */
export function* pageRows(run: ExportedRun, tally: RunTally): Generator<string> {
	const texts = new PageTexts(run);
	let separator = "[";
	for (const outcome of caseOutcomes(run.rows, run.run)) {
		tally.add(outcome);
		// A CI server that logs the page would execute `##[` as a command.
		const text = JSON.stringify(pageRow(outcome, texts), shown)
			.replaceAll("<", "\\u003c")
			.replace(/(##[a-z]*)\[/gi, "$1\\u005b");
		yield `${separator}${text}`;
		separator = ",\n";
	}
	yield separator === "[" ? "[]" : "]";
}

/** Escapes characters that reorder or hide text. */
function shown(_: string, value: unknown): unknown {
	return typeof value === "string" ? terminalSafe(value) : value;
}

function pageRow(outcome: CaseOutcome, texts: PageTexts) {
	const { status, score, attempts } = outcome;
	const ms = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
	const costs = attempts.flatMap(({ costUsd }) => costUsd ?? []);
	const usd = costs.reduce((sum, cost) => sum + cost, 0);
	const why = status === "passed" ? undefined : (attempts.flatMap(firstReason)[0] ?? outcomeScore(outcome));
	const threshold = attempts[0]?.threshold;
	return {
		...{ status, test: outcome.testId, eval: outcome.eval, target: outcome.target, score, threshold },
		...(attempts.length === 0 ? { time: "–" } : { ms: Math.round(ms), time: formatDuration(ms) }),
		...(costs.length > 0 ? { usd, cost: costText(usd) } : {}),
		...(outcome.repeat.count === 1 ? {} : { repeated: outcomeScore(outcome) }),
		...(why === undefined || why === outcomeWords[status] ? {} : { why: cut(why, 300) }),
		attempts: attempts.map((row) => pageAttempt(row, texts)),
	};
}

function firstReason({ executionStatus, error, scores }: ResultRow): string[] {
	if (executionStatus === "ok") return [];
	if (error) return [error.message];
	for (const { name, verdict, assertions, veto } of scores) {
		const failed = verdict === "fail" ? assertions.find(({ passed }) => !passed) : undefined;
		if (failed) return [`${name}: ${failed.text}${failed.evidence === undefined ? "" : ` — ${failed.evidence}`}`];
		if (veto) return [`${name} ${vetoText}`];
	}
	return [];
}

function pageAttempt(row: ResultRow, texts: PageTexts) {
	const { attempt, executionStatus, score, error, warnings, scores } = row;
	return {
		...{ number: attempt, status: attemptStatuses[executionStatus] },
		...(executionStatus === "execution_error" ? {} : { score }),
		...(error ? { error: cut(`${error.stage}/${error.code}: ${error.message}${causeText(error)}`) } : {}),
		...(warnings ? { warnings: warnings.map(({ stage, message }) => cut(`${stage}: ${message}`)) } : {}),
		graders: scores.map(pageGrader),
		...texts.of(row),
	};
}

function pageGrader({ name, type, score, weight, verdict, veto, error, assertions }: ResultRow["scores"][number]) {
	const grader = { name, type, score, weight, verdict, assertions: assertions.map(shortFinding) };
	if (!veto && !error) return grader;
	return {
		...grader,
		...(veto ? { veto: vetoText } : {}),
		...(error ? { error: cut(`${error.code}: ${error.message}`) } : {}),
	};
}

function pageFacts(row: ResultRow): (readonly [name: string, text: string])[] {
	const { target, judging } = rowSpending(row);
	const facts = [
		["Time", timeText(row)],
		["Target", usageText(target)],
		["Judging", usageText(judging)],
		["Total", judging.costUsd === undefined ? undefined : spendingTexts({ target, judging })[0]],
		["Stop reason", row.stopReason],
		["From cache", row.cached && (cachedText(row.cached) ?? "yes")],
		["Rerun", row.rerun && rerunText],
	] as const;
	return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

function shortFinding({ text, passed, evidence }: ResultRow["scores"][number]["assertions"][number]) {
	return { text: cut(text), passed, ...(evidence === undefined ? {} : { evidence: cut(evidence) }) };
}

/** Adds details of attempts (usage, input, answer, changes, logs) up to the page's limit. */
class PageTexts {
	readonly #run: ExportedRun;
	#used = 0;
	#lookedInto = 0;

	constructor(run: ExportedRun) {
		this.#run = run;
	}

	of(row: ResultRow): object {
		const { file, executionStatus } = row;
		if (file === undefined) return { facts: pageFacts(row) };
		const isPassedBy = executionStatus === "ok" && this.#run.rows.count > mostLookedInto;
		if (isPassedBy || this.#used > mostText || this.#lookedInto === mostLookedInto)
			return {
				left: "Times, costs, input and output are left out of so large a page: agentv results show --test has them.",
			};
		this.#lookedInto += 1;
		const attempt = this.#run.attempt(file);
		if (!attempt) return { facts: pageFacts(row), left: `${file} can't be read: the run's row is all there is.` };
		const texts = Object.entries(this.#textsOf(attempt)).filter(([, text]) => text !== undefined && text !== "");
		const logs = (attempt.logs ?? []).map(({ stage, name, text, omitted }) => {
			const left = omitted === undefined ? "" : `, ${omitted.toLocaleString("en-US")} characters left out`;
			return { title: `${stage}: ${cut(name, 200)}${left}`, text: cut(text) };
		});
		for (const text of [...texts.map(([, one]) => one), ...logs.map((log) => log.text)])
			this.#used += text?.length ?? 0;
		return { facts: pageFacts(row), ...Object.fromEntries(texts), ...(logs.length > 0 ? { logs } : {}) };
	}

	#textsOf({ input, expectedOutput, output, outputPath, fileChangesPath, fileChangesShownPath }: AttemptFile) {
		return {
			input: cut(inputText(input)),
			expected: expectedOutput === undefined ? undefined : cut(expectedOutput),
			output: output === null ? this.#beginning(outputPath) : cut(output),
			changes: this.#beginning(fileChangesShownPath ?? fileChangesPath ?? undefined),
		};
	}

	#beginning(path: string | undefined): string | undefined {
		const head = path === undefined ? undefined : this.#run.head(path, longestText);
		return head && (head.cut ? `${head.text}\n… of ${head.size} bytes` : head.text);
	}
}

function cut(text: string, longest = longestText): string {
	return text.length > longest ? `${text.slice(0, longest)}\n… ${text.length - longest} more characters` : text;
}
