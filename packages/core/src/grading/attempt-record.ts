import { join } from "node:path";
import { readRecordText, recordPath } from "../eval/run-digest.ts";
import { toWire, toWireKey } from "../format/codec.ts";
import {
	type AttemptFile,
	attemptFacts,
	attemptFileSchema,
	type GradedRecord,
	type ResultRow,
} from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { sameValue } from "../lib/yaml-edit.ts";
import { pathKind, realPath } from "../machine/files.ts";
import { digestFile, digestText } from "../machine/tree-notes.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { sameScore } from "./contract.ts";

interface RecordProblem {
	readonly kind: "digest-missing" | "fact" | "file-changed" | "file-missing" | "file-unreadable";
	readonly file?: string;
	readonly grader?: string;
	readonly field?: string;
	readonly recorded?: unknown;
	readonly recomputed?: unknown;
}

/** Also returns the attempt's file, unless it or one of its side files is unreadable. */
export function checkAttemptRecord(
	directory: string,
	row: ResultRow,
): { readonly file?: AttemptFile; readonly problems: readonly RecordProblem[] } {
	const problems: RecordProblem[] = [];
	if (row.file === undefined) return { problems: [{ kind: "file-missing" }] };
	const file = readFile(directory, row.file, row.fileSha256, (problem) => problems.push(problem));
	if (!file) return { problems };
	problems.push(...factDifferences(row, file));
	return { file, problems };
}

function readFile(
	directory: string,
	path: string,
	sha256: string | undefined,
	differs: (problem: RecordProblem) => void,
): AttemptFile | undefined {
	const text = textOf(directory, path, differs);
	if (text === undefined) return undefined;
	if (sha256 === undefined) differs({ kind: "digest-missing", file: path });
	else if (digestText(text) !== sha256) differs({ kind: "file-changed", file: path });
	const read = readJson(text);
	const parsed = "value" in read ? attemptFileSchema.safeParse(read.value) : undefined;
	if (!parsed?.success) {
		differs({ kind: "file-unreadable", file: path });
		return undefined;
	}
	let whole = true;
	for (const sideFile of parsed.data.beside ?? []) {
		const difference = besideDifference(directory, sideFile);
		if (difference) differs({ kind: difference, file: sideFile.path });
		whole &&= difference === undefined || difference === "file-changed";
	}
	return whole ? parsed.data : undefined;
}

function textOf(directory: string, path: string, differs: (problem: RecordProblem) => void): string | undefined {
	try {
		if (!leadsThroughLinks(directory, path)) return readRecordText(directory, path);
		differs({ kind: "file-unreadable", file: path });
		return undefined;
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		differs({ kind: error.code === "not-found" ? "file-missing" : "file-unreadable", file: path });
		return undefined;
	}
}

/** A record never contains links, so they are not followed. */
function leadsThroughLinks(directory: string, path: string): boolean {
	return recordPath(directory, path) !== join(realPath(directory), path);
}

function besideDifference(directory: string, { path, sha256 }: { path: string; sha256: string }) {
	try {
		const file = recordPath(directory, path);
		if (pathKind(file) === "missing") return "file-missing" as const;
		if (leadsThroughLinks(directory, path)) return "file-unreadable" as const;
		return digestFile(file) === sha256 ? undefined : ("file-changed" as const);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return "file-unreadable" as const;
	}
}

const facts = Object.keys(attemptFacts) as (keyof typeof attemptFacts)[];

function* factDifferences(row: ResultRow, file: AttemptFile): Generator<RecordProblem> {
	for (const name of facts)
		if (!sameValue(row[name], file[name]))
			yield { kind: "fact", field: toWireKey(name), recorded: row[name], recomputed: file[name] };
	for (let index = 0; index < Math.max(row.scores.length, file.scores.length); index++) {
		const [a, b] = [row.scores[index], file.scores[index]];
		if (!a || !b || !sameJudgement(a, b))
			yield {
				...{ kind: "fact", field: `scores[${index}]`, grader: (b ?? a)?.name ?? "" },
				...{ recorded: a && shown(a), recomputed: b && shown(b) },
			};
	}
}

type Judgement = Omit<GradedRecord, "required" | "details" | "parts">;

function sameJudgement(a: Judgement, b: Judgement): boolean {
	return (
		sameOrNoScore(a.score, b.score) &&
		(["name", "type", "weight", "verdict", "veto", "error", "assertions", "usage"] as const).every((key) =>
			sameValue(a[key], b[key]),
		)
	);
}

export function sameOrNoScore(a: number | null, b: number | null): boolean {
	return a === null || b === null ? a === b : sameScore(a, b);
}

function shown({ name, score, verdict, assertions }: Judgement) {
	return { name, score, verdict, assertions };
}

/** A single text is a plain string. */
export function messageToWire(
	{ role, name, content, toolCalls }: RequestMessage,
	files: "path" | "name",
): Record<string, unknown> {
	const [first, ...more] = content;
	const isText = first?.type === "text" && more.length === 0;
	return {
		role,
		...(name === undefined ? {} : { name }),
		content: isText
			? first.text
			: content.map((piece) =>
					piece.type === "text" ? { type: "text", value: piece.text } : { type: piece.type, value: piece[files] },
				),
		...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
	};
}
