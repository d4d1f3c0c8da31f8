import { createHash } from "node:crypto";
import {
	AgentvError,
	type AttemptFile,
	type AttemptRecord,
	attemptFileSchema,
	type CaseOutcome,
	encode,
	type RowScore,
	type RunTable,
	readAttempt,
	readRecordHead,
	safeName,
	sumCosts,
	type TableRow,
	type TableRowRecord,
	tableRowSchema,
	toWire,
} from "@agentv/core";
import { z } from "zod";
import { matcher } from "./find-eval.ts";
import { isRecord, listOf, textOf } from "./problem.ts";
import { nameField, pageField, pageSizeField, searchField } from "./request.ts";

type Outcome = CaseOutcome<TableRow>;

/** Returns an id that is safe in URLs and unique within the run. */
export function attemptId(row: Pick<TableRow, "eval" | "testId" | "target" | "attempt">): string {
	const name = JSON.stringify([row.eval, row.testId, row.target, row.attempt]);
	return safeName(row.testId, createHash("sha256").update(name).digest("hex").slice(0, 16));
}

export const testsQuery = z.object({
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	status: z.enum(["passed", "failed", "error", "not_run"]).optional(),
	target: nameField,
	eval: nameField,
	sort: z.enum(["order", "test", "status", "score", "target", "duration", "cost"]).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
type TestsQuery = z.output<typeof testsQuery>;

const statusOrder: readonly Outcome["status"][] = ["error", "failed", "not_run", "passed"];

const sortKeys: Record<Exclude<TestsQuery["sort"], "order" | undefined>, (outcome: Outcome) => string | number> = {
	test: ({ testId }) => testId,
	status: ({ status }) => statusOrder.indexOf(status),
	score: ({ score }) => score ?? -1,
	target: ({ target }) => target,
	duration: ({ attempts }) => attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
	cost: ({ attempts }) => attempts.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), -1e-9),
};

export function selectTests(outcomes: readonly Outcome[], query: TestsQuery): readonly Outcome[] {
	const { search, status, target, eval: label, sort = "order", descending } = query;
	const matches = matcher(search);
	const wanted = outcomes.filter(
		(outcome) =>
			(!status || outcome.status === status) &&
			(!target || outcome.target === target) &&
			(!label || outcome.eval === label) &&
			(!search || matches(searchedText(outcome))),
	);
	if (sort !== "order") return sorted(wanted, sortKeys[sort], descending === "true");
	return descending === "true" ? wanted.reverse() : wanted;
}

/** Keeps the order of equal keys. */
export function sorted<Item>(
	items: readonly Item[],
	keyOf: (item: Item) => string | number,
	descending: boolean,
): Item[] {
	const turn = descending ? -1 : 1;
	return items
		.map((item) => ({ item, key: keyOf(item) }))
		.sort((a, b) => (a.key === b.key ? 0 : (a.key < b.key ? -1 : 1) * turn))
		.map(({ item }) => item);
}

function searchedText({ testId, target, attempts }: Outcome): string {
	return [testId, target, ...attempts.map(({ error }) => error?.message ?? "")].join(" ");
}

export type TestEntry = ReturnType<typeof testEntry>;

/** Combines all attempts by the test's `repeat` strategy. */
export function testEntry({ eval: label, testId, target, status, score, repeat, attempts }: Outcome) {
	const [first] = attempts;
	return {
		/** Null if there is none. */
		id: first ? attemptId(first) : null,
		...{ eval: label, test_id: testId, target, status },
		score: status === "error" ? null : (score ?? null),
		threshold: first?.threshold ?? null,
		/** Of all attempts, like the costs. */
		duration_ms: attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
		cost_usd: sumCosts(attempts).costUsd ?? null,
		judging_cost_usd: judgingOf(attempts)?.cost_usd ?? null,
		error: errorOf(attempts.find(({ error }) => error)),
		attempts: attempts.map((row) => ({
			...{ id: attemptId(row), attempt: row.attempt, execution_status: row.executionStatus, score: row.score },
		})),
		repeat: { count: repeat.count, strategy: repeat.strategy },
	};
}

function errorOf(row: TableRow | undefined): NonNullable<TableRowRecord["error"]> | null {
	return (row && encode(tableRowSchema, row).error) ?? null;
}

export type Usage = Pick<TableRowRecord, "cost_usd" | "token_usage">;

/** Returns null if no grading models were used. */
function judgingOf(rows: readonly { readonly scores: readonly Pick<RowScore, "usage">[] }[]): Usage | null {
	const usages = rows.flatMap(({ scores }) => scores.flatMap(({ usage }) => usage ?? []));
	return usages.length === 0 ? null : toWire(sumCosts(usages));
}

export interface Message {
	readonly role: string;
	readonly content: string;
	readonly tool_calls?: readonly ToolCall[];
}
interface ToolCall {
	readonly tool: string;
	readonly input?: unknown;
	readonly output?: unknown;
	readonly duration_ms?: number | undefined;
}

type Shown = Omit<AttemptRecord, keyof TableRowRecord | "assertions" | "turns" | "files" | "repositories">;

/** As in an attempt's file or, without parts, in its row. */
export type Grade = Omit<AttemptRecord["scores"][number], "required" | "parts"> & {
	readonly parts?: readonly Grade[] | undefined;
};

/** As far as the attempt's file exists, cut to limits. */
export interface TestResult
	extends Omit<TableRowRecord, "scores">,
		Partial<Omit<Shown, "input" | "output" | "messages">> {
	readonly id: string;
	readonly scores: readonly Grade[];
	readonly input: readonly Message[];
	/** Also if it is in `output_path`. */
	readonly output: string | null;
	/** Bytes. */
	readonly output_cut: number;
	readonly messages: readonly Message[];
	readonly file_changes: string | null;
	readonly file_changes_cut: number;
	readonly judging: Usage | null;
	readonly test: TestEntry;
	/** False if only the row is known. */
	readonly recorded: boolean;
	/** Neighbouring rows, in the order of the run. */
	readonly previous: string | null;
	readonly next: string | null;
}

const maxText = 1024 * 1024;
const maxMessageText = 128 * 1024;
const maxMessages = 500;
const maxLogs = 200;

/** @throws AgentvError `not-found`; `refused` if a path is outside the run's directory */
export function testResult({ rows, outcomes }: RunTable, id: string, directory: string): TestResult {
	const index = rows.findIndex((row) => attemptId(row) === id);
	const row = rows[index];
	const outcome = row && outcomes.find(({ attempts }) => attempts.includes(row));
	if (!row || !outcome) throw new AgentvError("not-found", "test result not found");
	// Throws for a path outside the run's directory.
	const isThere = row.file !== undefined && readRecordHead(directory, row.file, 1) !== undefined;
	const file = isThere ? readAttempt(directory, row.file ?? "") : undefined;
	const at = (position: number) => {
		const neighbour = rows[position];
		return neighbour ? attemptId(neighbour) : null;
	};
	return {
		...attemptResponse({ row, file, directory }),
		...{ test: testEntry(outcome), recorded: file !== undefined },
		...{ previous: at(index - 1), next: at(index + 1) },
	};
}

interface ReadAttempt {
	readonly row: TableRow;
	readonly file: AttemptFile | undefined;
	readonly directory: string;
}

/** @throws AgentvError `refused` if a path is outside the run's directory */
export function attemptResponse({
	row,
	file,
	directory,
}: ReadAttempt): Omit<TestResult, "test" | "recorded" | "previous" | "next"> {
	const record: Partial<AttemptRecord> = file ? encode(attemptFileSchema, file) : {};
	const { assertions: _a, turns: _t, files: _f, repositories: _r, input, messages = [], ...shown } = record;
	const output = textAt(directory, record.output, record.output_path, maxText);
	const changes = textAt(directory, null, record.file_changes_shown_path ?? record.file_changes_path, maxText);
	return {
		...encode(tableRowSchema, row),
		...cutTexts(shown, maxText),
		id: attemptId(row),
		metadata: JSON.stringify(shown.metadata ?? {}).length > maxMessageText ? {} : (shown.metadata ?? {}),
		scores: cutTexts(shown.scores ?? [], maxMessageText),
		logs: cutTexts(shown.logs?.slice(0, maxLogs) ?? [], maxMessageText),
		...{ output: output.text, output_cut: output.cut, file_changes: changes.text, file_changes_cut: changes.cut },
		input: cutTexts(inputMessages(input), maxText),
		messages: messages.slice(0, maxMessages).map(({ role, content, content_path: path, tool_calls: calls }) => {
			const text = textAt(directory, content, path, maxMessageText).text ?? "";
			return { role, content: text, ...(calls ? { tool_calls: cutTexts(calls, maxMessageText) } : {}) };
		}),
		judging: judgingOf([row]),
	};
}

/** `cut` counts removed bytes. */
function textAt(directory: string, text: string | null | undefined, path: string | null | undefined, maxBytes: number) {
	if (typeof text === "string") return { text: text.slice(0, maxBytes), cut: Math.max(0, text.length - maxBytes) };
	const head = path ? readRecordHead(directory, path, maxBytes) : undefined;
	return { text: head?.text ?? null, cut: head?.cut ? head.size - maxBytes : 0 };
}

function cutTexts<Value>(value: Value, maxLength: number): Value {
	if (typeof value === "string") return (value.length > maxLength ? `${value.slice(0, maxLength)}…` : value) as Value;
	if (Array.isArray(value)) return value.map((item) => cutTexts(item, maxLength)) as Value;
	if (!isRecord(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutTexts(item, maxLength)])) as Value;
}

function inputMessages(input: unknown): Message[] {
	if (typeof input === "string") return [{ role: "user", content: input }];
	return listOf(input).map(({ role, content, tool_calls: calls }) => ({
		...{ role: textOf(role) ?? "", content: contentText(content) },
		...(calls ? { tool_calls: listOf(calls).map((call) => ({ ...call, tool: textOf(call.tool) ?? "" })) } : {}),
	}));
}

function contentText(content: unknown): string {
	if (typeof content === "string") return content;
	return listOf(content)
		.map(({ type, value }) => (type === "text" ? (textOf(value) ?? "") : `[${textOf(type)}: ${textOf(value)}]`))
		.join("\n\n");
}
