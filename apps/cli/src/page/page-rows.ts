import {
	type AttemptFile,
	type CaseOutcome,
	caseOutcomes,
	formatDuration,
	plannedRepeats,
	type ResultRow,
} from "@agentv/core";
import type { ExportedRun } from "../results/exported-run.ts";
import { costText } from "../run/summary-text.ts";

/** Texts of one attempt are cut here, all texts of a page together here: a page must open. */
const longestText = 8000;
const mostText = 24_000_000;
/** Nor is more time spent on them than on the rows: so many attempts are looked into, in larger runs only those that did not pass. */
const mostLookedInto = 2000;

/** The tests of a run as a JSON array that can stand in a script element, piece by piece. */
export function* pageRows(run: ExportedRun): Generator<string> {
	const texts = new PageTexts(run);
	let separator = "[";
	for (const outcome of caseOutcomes(run.rows, plannedRepeats(run.run))) {
		const text = JSON.stringify(pageRow(outcome, texts)).replaceAll("<", "\\u003c");
		yield `${separator}${text}`;
		separator = ",\n";
	}
	yield separator === "[" ? "[]" : "]";
}

function pageRow(outcome: CaseOutcome, texts: PageTexts) {
	const { status, score, attempts } = outcome;
	const [first] = attempts;
	const ms = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
	const costs = attempts.flatMap(({ costUsd }) => costUsd ?? []);
	const usd = costs.reduce((sum, cost) => sum + cost, 0);
	const why = status === "passed" ? undefined : attempts.map(firstReason).find((reason) => reason !== undefined);
	return {
		...{ status, test: first.testId, eval: first.eval, target: first.target, score, threshold: first.threshold },
		...{ ms: Math.round(ms), time: formatDuration(ms) },
		...(costs.length > 0 ? { usd, cost: costText(usd) } : {}),
		...(why === undefined ? {} : { why: cut(why, 300) }),
		attempts: attempts.map((row) => pageAttempt(row, texts)),
	};
}

function firstReason({ executionStatus, error, scores }: ResultRow): string | undefined {
	if (executionStatus === "ok") return undefined;
	if (error) return error.message;
	for (const { name, verdict, assertions } of scores) {
		const failed = verdict === "fail" ? assertions.find(({ passed }) => !passed) : undefined;
		if (failed) return `${name}: ${failed.text}${failed.evidence === undefined ? "" : ` — ${failed.evidence}`}`;
	}
	return undefined;
}

const statuses = { ok: "passed", quality_failure: "failed", execution_error: "error" } as const;

function pageAttempt(row: ResultRow, texts: PageTexts) {
	const { attempt, executionStatus, score, error, warnings, scores } = row;
	return {
		...{ number: attempt, status: statuses[executionStatus] },
		...(executionStatus === "execution_error" ? {} : { score }),
		...(error ? { error: cut(`${error.stage}/${error.code}: ${error.message}`) } : {}),
		...(warnings ? { warnings: warnings.map(({ stage, message }) => cut(`${stage}: ${message}`)) } : {}),
		graders: scores.map(({ usage: _, assertions, ...grader }) => {
			return { ...grader, assertions: assertions.map(shortFinding) };
		}),
		...texts.of(row),
	};
}

function shortFinding({ text, passed, evidence }: ResultRow["scores"][number]["assertions"][number]) {
	return { text: cut(text), passed, ...(evidence === undefined ? {} : { evidence: cut(evidence) }) };
}

/** Input, answer and changes of attempts, until a page has enough of them. */
class PageTexts {
	readonly #run: ExportedRun;
	#used = 0;
	#lookedInto = 0;

	constructor(run: ExportedRun) {
		this.#run = run;
	}

	of({ file, executionStatus }: ResultRow): { readonly left?: string } | Readonly<Record<string, string>> {
		if (file === undefined) return {};
		const isPassedBy = executionStatus === "ok" && this.#run.rows.count > mostLookedInto;
		if (isPassedBy || this.#used > mostText || this.#lookedInto === mostLookedInto)
			return { left: "Input and output are left out of so large a page: agentv results show --test has them." };
		this.#lookedInto += 1;
		const attempt = this.#run.attempt(file);
		if (!attempt) return { left: `${file} can't be read: the run's row is all there is.` };
		const texts = Object.entries(this.#textsOf(attempt)).filter(([, text]) => text !== undefined && text !== "");
		for (const [, text] of texts) this.#used += text?.length ?? 0;
		return Object.fromEntries(texts) as Record<string, string>;
	}

	#textsOf({ input, expectedOutput, output, outputPath, fileChangesPath, fileChangesShownPath }: AttemptFile) {
		return {
			input: cut(asText(input)),
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

function asText(input: unknown): string {
	if (typeof input === "string") return input;
	if (!Array.isArray(input)) return JSON.stringify(input, null, 2) ?? "";
	return input.map(messageText).join("\n\n");
}

/** A message of a conversation: its role, then what was said. */
function messageText(message: { readonly role?: unknown; readonly content?: unknown }): string {
	const { role, content } = message;
	const pieces = Array.isArray(content) ? content : [content];
	const said = pieces.map((piece) => {
		if (typeof piece === "string") return piece;
		const { type, value } = (piece ?? {}) as { readonly type?: unknown; readonly value?: unknown };
		return type === "text" ? String(value) : `[${type}: ${value}]`;
	});
	return `[${role}]\n${said.join("\n")}`;
}

function cut(text: string, longest = longestText): string {
	return text.length > longest ? `${text.slice(0, longest)}\n… ${text.length - longest} more characters` : text;
}
