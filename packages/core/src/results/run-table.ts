import { join } from "node:path";
import { readJson } from "../base/read-json.ts";
import type { TalliedRow } from "../grading/run-tally.ts";
import { fileStamp } from "../io/files/file-stamp.ts";
import { isLocked } from "../io/files/lock.ts";
import { readHead } from "../io/files/read-head.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { recordPath } from "../model/record-files.ts";
import { rowKey, wholeLines } from "../model/result-files.ts";
import { largestFigure } from "../schema/primitives.ts";
import { errorCauses, executionStatuses, type ResultRow, type RowError, type RowScore } from "../schema/result-row.ts";

type TokenUsage = NonNullable<ResultRow["tokenUsage"]>;
type Usage = NonNullable<RowScore["usage"]>;

/** A row as a table shows it: what `index.jsonl` says of an attempt, of its graders only what models that grade used. */
export interface TableRow extends TalliedRow {
	/** The attempt's own file, relative to the run's directory. */
	readonly file: string | undefined;
}

/**
 * The rows of a run in the order in which they finished; of an attempt that was run again only the last. Quick and small, for tables and
 * averages: `readRun` reads all there is.
 */
export function readRunTable(directory: string): readonly TableRow[] {
	const rows = new Map<string, TableRow>();
	for (const line of wholeLines(join(directory, "index.jsonl"))) {
		const read = readJson(line);
		const row = "value" in read ? tableRow(read.value) : undefined;
		if (!row) continue;
		const key = rowKey(row);
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

function tableRow(value: unknown): TableRow | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const wire = value as Record<string, unknown>;
	const {
		test_id,
		eval: label,
		target,
		attempt,
		score,
		threshold,
		execution_status,
		duration_ms,
		token_usage,
		cost_usd,
		file,
	} = wire;
	const status = executionStatuses.find((one) => one === execution_status);
	if (typeof test_id !== "string" || typeof label !== "string" || typeof target !== "string" || !status)
		return undefined;
	return {
		testId: test_id,
		eval: label,
		target,
		attempt: number(attempt) ?? 1,
		executionStatus: status,
		score: number(score) ?? 0,
		threshold: number(threshold) ?? 0,
		durationMs: number(duration_ms) ?? 0,
		tokenUsage: tokenUsage(token_usage),
		costUsd: number(cost_usd),
		scores: graderUsages(wire.scores),
		error: rowError(wire.error),
		file: typeof file === "string" ? file : undefined,
	};
}

function tokenUsage(value: unknown): TokenUsage | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { input, output, cached, reasoning } = value as Record<string, unknown>;
	return {
		...{ input: number(input) ?? 0, output: number(output) ?? 0 },
		...{ cached: number(cached) ?? 0, reasoning: number(reasoning) ?? 0 },
	};
}

function graderUsages(scores: unknown): { readonly usage: Usage }[] {
	if (!Array.isArray(scores)) return [];
	return scores.flatMap((score: Record<string, unknown> | null) => {
		const usage = score?.usage;
		if (typeof usage !== "object" || usage === null) return [];
		const { target, token_usage, cost_usd } = usage as Record<string, unknown>;
		const costUsd = number(cost_usd);
		const tokens = tokenUsage(token_usage);
		return [
			{
				usage: {
					target: typeof target === "string" ? target : "",
					...(tokens ? { tokenUsage: tokens } : {}),
					...(costUsd === undefined ? {} : { costUsd }),
				},
			},
		];
	});
}

function number(value: unknown): number | undefined {
	return typeof value === "number" && value >= 0 && value <= largestFigure ? value : undefined;
}

function rowError(value: unknown): RowError | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { stage, code, message, caused_by } = value as Record<string, unknown>;
	const cause = errorCauses.find((one) => one === caused_by);
	return {
		...{ stage: String(stage ?? ""), code: String(code ?? ""), message: String(message ?? "") },
		...(cause ? { causedBy: cause } : {}),
	};
}

/** Texts that change with what a run's directory records: its description, its summary, its rows. */
export function runStamps(directory: string): { readonly run: string | undefined; readonly rows: string | undefined } {
	const run = fileStamp(join(directory, "run.json"));
	const summary = fileStamp(join(directory, "summary.json"));
	return { run: run && `${run}; ${summary ?? ""}`, rows: fileStamp(join(directory, "index.jsonl")) };
}

/** Whether a process is at work on the run in `directory`. */
export function isRunUnderWay(directory: string): boolean {
	return targetKind(directory) === "directory" && isLocked(directory, { lockDirectory: directory });
}

/**
 * The first `maxBytes` of a file that a run's records name, relative to its directory; undefined where it is gone.
 * @throws AgentvError `refused` where it leads out of that directory
 */
export function readRecordHead(
	directory: string,
	path: string,
	maxBytes: number,
): { readonly text: string; readonly cut: boolean; readonly size: number } | undefined {
	return readHead(recordPath(directory, path), maxBytes);
}
