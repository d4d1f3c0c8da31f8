import { AgentvError, readRecordHead } from "@agentv/core";
import type {
	MessageAnswer,
	ScoreAnswer,
	StageLogAnswer,
	TestErrorAnswer,
	TestResultAnswer,
	UsageAnswer,
} from "./answers/runs.ts";
import { describeAttempt, describeAttempts } from "./describe-run.ts";
import { judgingOf } from "./describe-usage.ts";
import { isRecord, listOf, numberOf, textOf, type Wire } from "./read-wire.ts";
import { rowId } from "./run-row-id.ts";
import type { RunTable } from "./run-tables.ts";

const longestText = 1024 * 1024;
const longestMessage = 128 * 1024;
const mostMessages = 500;
const mostLogs = 200;

type Redactor = (text: string) => string;

/** Describes an attempt, as far as its files exist. */
export function describeTestResult(
	{ rows, outcomes }: RunTable,
	index: number,
	directory: string,
	redact: Redactor,
): TestResultAnswer {
	const row = rows[index];
	const outcome = row && outcomes.find(({ attempts }) => attempts.includes(row));
	if (!row || !outcome) throw new AgentvError("not-found", "test result not found");
	const record = readRecord(directory, row.file);
	const texts = new RecordTexts(directory, redact);
	const output = texts.of(record.output, record.output_path, longestText);
	const changes = texts.of(undefined, record.file_changes_shown_path ?? record.file_changes_path, longestText);
	const at = (position: number) => {
		const other = rows[position];
		return other ? rowId(other) : null;
	};
	return {
		...describeAttempt(row, redact),
		test: describeAttempts(outcome),
		timestamp: textOf(record.timestamp) ?? "",
		input: inputOf(record.input, redact),
		output: output.text,
		output_cut: output.cut,
		expected: redactedText(record.expected_output, redact),
		criteria: redactedText(record.criteria, redact),
		scores: listOf(record.scores).map((score) => scoreOf(score, redact)),
		transcript: listOf(record.messages)
			.slice(0, mostMessages)
			.map((message) => messageOf(message, texts, redact)),
		file_changes: changes.text,
		file_changes_cut: changes.cut,
		warnings: listOf(record.warnings).map((warning) => warningOf(warning, redact)),
		tokens: usageOf({ token_usage: record.token_usage }).tokens,
		judging: judgingOf([row]),
		stop_reason: textOf(record.stop_reason) ?? null,
		cached: isRecord(record.cached)
			? { ...usageOf(record.cached), duration_ms: numberOf(record.cached.duration_ms) ?? null }
			: null,
		timings: timingsOf(record.timings_ms),
		logs: logsOf(record.logs, redact),
		rerun: record.rerun === "changed",
		metadata: JSON.stringify(record.metadata ?? {}).length > longestMessage ? {} : asObject(record.metadata),
		workspace_path: textOf(record.workspace_path) ?? null,
		recorded: row.file !== undefined && record.test_id !== undefined,
		previous: at(index - 1),
		next: at(index + 1),
	};
}

function readRecord(directory: string, file: string | undefined): Wire {
	const head = file === undefined ? undefined : readRecordHead(directory, file, 64 * longestText);
	if (!head || head.cut) return {};
	try {
		const value: unknown = JSON.parse(head.text);
		return isRecord(value) ? value : {};
	} catch (error) {
		// Truncated by a crash: the row is still shown.
		if (error instanceof SyntaxError) return {};
		throw error;
	}
}

/** Reads texts of a record, which are inline or in a separate file. */
class RecordTexts {
	readonly #directory: string;
	readonly #redact: Redactor;

	constructor(directory: string, redact: Redactor) {
		this.#directory = directory;
		this.#redact = redact;
	}

	/** `cut`: number of removed bytes. */
	of(text: unknown, path: unknown, longest: number): { readonly text: string | null; readonly cut: number } {
		if (typeof text === "string")
			return { text: this.#redact(text.slice(0, longest)), cut: Math.max(0, text.length - longest) };
		const head = typeof path === "string" ? readRecordHead(this.#directory, path, longest) : undefined;
		return head ? { text: this.#redact(head.text), cut: head.cut ? head.size - longest : 0 } : { text: null, cut: 0 };
	}
}

function inputOf(input: unknown, redact: Redactor): MessageAnswer[] {
	if (typeof input === "string")
		return [{ role: "user", content: redact(input.slice(0, longestText)), tool_calls: [] }];
	return listOf(input).map(({ role, content, tool_calls }) => ({
		role: textOf(role) ?? "",
		content: redact(contentOf(content).slice(0, longestText)),
		tool_calls: listOf(tool_calls).map(toolCallOf),
	}));
}

function contentOf(content: unknown): string {
	if (typeof content === "string") return content;
	return listOf(content)
		.map(({ type, value }) => (type === "text" ? (textOf(value) ?? "") : `[${textOf(type)}: ${textOf(value)}]`))
		.join("\n\n");
}

function messageOf(message: Wire, texts: RecordTexts, redact: Redactor): MessageAnswer {
	const { text } = texts.of(message.content, message.content_path, longestMessage);
	return {
		role: textOf(message.role) ?? "",
		content: text ?? redact(contentOf(message.content)),
		tool_calls: listOf(message.tool_calls).map(toolCallOf),
	};
}

function toolCallOf({ tool, input, output, duration_ms }: Wire): MessageAnswer["tool_calls"][number] {
	return {
		tool: textOf(tool) ?? "",
		input: shortened(input),
		output: shortened(output),
		duration_ms: numberOf(duration_ms) ?? null,
	};
}

function shortened(value: unknown): unknown {
	if (value === undefined) return null;
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : value;
}

function scoreOf(score: Wire, redact: Redactor): ScoreAnswer {
	return {
		name: textOf(score.name) ?? "",
		type: textOf(score.type) ?? "",
		score: numberOf(score.score) ?? null,
		weight: numberOf(score.weight) ?? 1,
		verdict: verdictOf(score),
		veto: score.veto === true,
		error: isRecord(score.error)
			? { code: textOf(score.error.code) ?? "", message: redact(textOf(score.error.message) ?? "") }
			: null,
		usage: isRecord(score.usage)
			? {
					...usageOf(score.usage),
					target: redact(textOf(score.usage.target) ?? ""),
					model: textOf(score.usage.model) ?? null,
				}
			: null,
		assertions: listOf(score.assertions).map(({ text, passed, evidence }) => ({
			text: redact(textOf(text) ?? ""),
			passed: passed === true,
			evidence: redactedText(evidence, redact),
		})),
		parts: listOf(score.parts).map((part) => scoreOf(part, redact)),
	};
}

function verdictOf({ verdict }: Wire): ScoreAnswer["verdict"] {
	return verdict === "pass" || verdict === "not_judged" ? verdict : "fail";
}

function usageOf({ cost_usd, token_usage }: Wire): UsageAnswer {
	const tokens = isRecord(token_usage) ? token_usage : undefined;
	return {
		cost_usd: numberOf(cost_usd) ?? null,
		tokens: tokens ? { input: numberOf(tokens.input) ?? 0, output: numberOf(tokens.output) ?? 0 } : null,
	};
}

function timingsOf(timings: unknown): TestResultAnswer["timings"] {
	if (!isRecord(timings)) return null;
	return Object.entries(timings).flatMap(([stage, value]) => {
		const ms = numberOf(value);
		return ms === undefined ? [] : [{ stage, ms }];
	});
}

function logsOf(logs: unknown, redact: Redactor): StageLogAnswer[] {
	return listOf(logs)
		.slice(0, mostLogs)
		.map(({ stage, name, text, omitted }) => {
			const whole = textOf(text) ?? "";
			return {
				...{ stage: textOf(stage) ?? "", name: redact(textOf(name) ?? "") },
				text: redact(whole.slice(0, longestMessage)),
				omitted: (numberOf(omitted) ?? 0) + Math.max(0, whole.length - longestMessage),
			};
		});
}

function warningOf({ stage, code, message }: Wire, redact: Redactor): TestErrorAnswer {
	return { stage: textOf(stage) ?? "", code: textOf(code) ?? "", message: redact(textOf(message) ?? "") };
}

function redactedText(value: unknown, redact: Redactor): string | null {
	if (value === undefined || value === null) return null;
	return redact(typeof value === "string" ? value : JSON.stringify(value, null, 2)).slice(0, longestText);
}

function asObject(value: unknown): Wire {
	return isRecord(value) ? value : {};
}
