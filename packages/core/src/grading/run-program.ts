import { basename, join, resolve } from "node:path";
import { type CommandSpec, meansFile, parseAsRun, wordBases } from "../eval/command.ts";
import { resolvePath } from "../eval/read-shape.ts";
import { toWire } from "../format/codec.ts";
import type { ToolCall } from "../format/eval-file.ts";
import { deepestJson, type FoundValue, findJsonValues } from "../lib/json.ts";
import type { Scratch } from "../machine/directories.ts";
import { writeOwnFile } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";
import type { ProcessResult } from "../machine/run-process.ts";
import { abnormalEnd } from "../targets/contract.ts";
import { messageToWire } from "./attempt-record.ts";
import {
	binaryScore,
	type CouldNotRun,
	type Finding,
	type Grade,
	type GraderServices,
	reaches,
	type Score,
	type Subject,
} from "./contract.ts";

const defaultTimeoutMs = 60_000;

interface ProgramRun {
	readonly command: CommandSpec;
	readonly timeoutSeconds?: number | undefined;
	readonly payload: object;
}

/** A missing script counts as a program that can't be started. */
export function runProgram(run: ProgramRun, subject: Subject, services: GraderServices): Promise<ProcessResult> {
	const missing = missingScript(run.command, services);
	if (missing !== undefined) return Promise.resolve(notStarted(`${missing} does not exist`));
	return services.runCommand(run.command, {
		values: {
			test_id: subject.testId,
			...(subject.workspacePath === undefined ? {} : { workspace_path: subject.workspacePath }),
		},
		env: services.programEnv,
		input: JSON.stringify(run.payload),
		timeoutMs: run.timeoutSeconds === undefined ? defaultTimeoutMs : run.timeoutSeconds * 1000,
		signal: services.signal,
		spillDir: services.scratch.path,
	});
}

const interpreters = /^(?:node|bun|deno|tsx|python[\d.]*|ruby|perl|php|sh|bash|dash|zsh|ksh)$/;

/** An interpreter exits with 1 for a missing script, which looks like a failed test. */
function missingScript(command: CommandSpec, { scope, view }: GraderServices): string | undefined {
	const parsed = parseAsRun(command);
	// The working directory may be known only at run time.
	if (parsed.kind === "shell" || command.cwd?.raw.includes("{{")) return undefined;
	const [program, script] = parsed.words.map(({ text }) => text);
	const named = program !== undefined && interpreters.test(basename(program)) ? script : program;
	if (named === undefined || !meansFile(named) || named.includes("{")) return undefined;
	if (wordBases(command).some((base) => targetKind(resolve(base, named)) !== "missing")) return undefined;
	return resolvePath({ raw: named, base: command.base }, scope, view).found === undefined ? named : undefined;
}

function notStarted(message: string): ProcessResult {
	return {
		...{ exitCode: null, signal: null, stdout: "", stderr: "", truncated: false, timedOut: false, aborted: false },
		startError: { code: "ENOENT", message },
		durationMs: 0,
	};
}

/** In characters; longer answers are passed to programs as a file. */
const maxInlineLength = 50_000;

/** User data in `metadata` and `config` keeps its own keys. */
export function programPayload(subject: Subject, config: Readonly<Record<string, unknown>>, services: GraderServices) {
	const large = subject.outputFile !== undefined || subject.output.length > maxInlineLength;
	return {
		criteria: subject.criteria ?? null,
		expected_output: subject.expectedOutput ?? null,
		output: large ? null : subject.output,
		output_path: large ? outputFile(subject, services.scratch) : null,
		messages: subject.messages.map((message) => ({
			role: message.role,
			content: message.parts ? message.parts.map(toWire) : message.content,
			...(message.toolCalls ? { tool_calls: message.toolCalls.map(toWire) } : {}),
		})),
		input: subject.input.map((message) => messageToWire(message, "path")),
		input_files: subject.input.flatMap(({ content }) =>
			content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])),
		),
		metadata: subject.metadata,
		trace_summary: {
			tool_calls: countByTool(subject.toolCalls),
			error_count: subject.toolCalls.filter(failed).length,
			llm_call_count: subject.llmCalls ?? null,
		},
		token_usage: subject.tokenUsage ?? null,
		cost_usd: subject.costUsd ?? null,
		duration_ms: subject.durationMs ?? null,
		file_changes: subject.fileChanges ?? null,
		workspace_path: subject.workspacePath ?? null,
		config,
	};
}

function outputFile(subject: Subject, scratch: Scratch): string {
	if (subject.outputFile !== undefined) return subject.outputFile;
	const file = join(scratch.make(), "output.txt");
	writeOwnFile(file, subject.output);
	return file;
}

function countByTool(calls: readonly ToolCall[]): Record<string, number> {
	const counts = new Map<string, number>();
	for (const { tool } of calls) counts.set(tool, (counts.get(tool) ?? 0) + 1);
	return Object.fromEntries(counts);
}

function failed({ output }: ToolCall): boolean {
	if (typeof output !== "object" || output === null) return false;
	const { error, is_error: isError } = output as { error?: unknown; is_error?: unknown };
	return isError === true || (error !== undefined && error !== null && error !== false);
}

const maxEvidenceLength = 2000;
const maxQuoteLength = 500;

/**
 * A reply is the last JSON object with a known key, or a boolean or number that is the whole
 * output. Only a program that prints no JSON is graded by its exit code.
 * @param name subject of messages
 * @param bar the passing score: a pass with a failing exit code is contradictory
 */
export function programReply(name: string, result: ProcessResult, bar: number): Grade {
	const broken = notRun(name, result);
	if (broken) return broken;
	const bad = ({ problem }: BadReply): CouldNotRun => ({
		couldNotRun: { code: "bad-reply", message: `${name} ${problem}${printed(result)}` },
	});
	if (isCut(result)) return bad({ problem: "printed too much, so its output was truncated" });
	const text = plainText(result.stdout);
	const reply = readReply(name, text, bar);
	if (!reply) return byExitCode(name, result, text);
	if ("problem" in reply) return bad(reply);
	if (result.exitCode !== 0 && passes(reply, bar))
		return bad({ problem: "printed a passing reply but exited with a failing code: one of the two is wrong" });
	return reply;
}

/** A program's own statement outweighs its score. */
function passes({ score, stated }: { score: number; stated?: "pass" | "fail" | undefined }, bar: number): boolean {
	return stated === undefined ? reaches(score, bar) : stated === "pass";
}

function byExitCode(name: string, result: ProcessResult, text: string): Score {
	const text0 = `${name} exits with 0`;
	if (result.exitCode === 0) return { ...binaryScore(true, text0, evidence(text)), stated: "pass" };
	const said = evidence(result.stderr || text, ": ") ?? "";
	return { ...binaryScore(false, text0, `exit code ${result.exitCode}${said}`), stated: "fail" };
}

function evidence(text: string, before = ""): string | undefined {
	const trimmed = text.trim();
	return trimmed === "" ? undefined : before + trimmed.slice(-maxEvidenceLength);
}

function printed({ stdout, exitCode }: ProcessResult): string {
	return `${exitCode === 0 ? "" : ` (exit code ${exitCode})`}${quoted(stdout)}`;
}

function quoted(stdout: string): string {
	const text = stdout.trim();
	if (text === "") return "";
	const shown = text.length > maxQuoteLength ? `…${text.slice(-maxQuoteLength)}` : text;
	return `; it printed ${JSON.stringify(shown)}`;
}

export function notRun(name: string, result: ProcessResult): CouldNotRun | undefined {
	const said = `${evidence(result.stderr, ": ") ?? ""}${quoted(result.stdout)}`;
	const end = abnormalEnd(name, result, said);
	if (end) return { couldNotRun: end };
	if (result.exitCode !== null && result.exitCode >= 0 && result.exitCode < 126) return undefined;
	const how = result.exitCode === null ? "ended without an exit code" : `exited with ${result.exitCode}`;
	return { couldNotRun: { code: "exit-code", message: `${name} ${how}${said}` } };
}

function isCut({ stdoutPath, stderrPath, truncated }: ProcessResult): boolean {
	return stdoutPath !== undefined || (truncated && stderrPath === undefined);
}

const controlSequences =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' control sequences are what is removed.
	/(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-Z^-z~]|\u001b\][^\u0007\u001b\r\n{}]*(?:\u0007|\u001b\\)|\u001b[()][A-Z0-9]/g;

/** Removes terminal control sequences and the byte order mark. */
function plainText(stdout: string): string {
	return stdout.replace(controlSequences, "").replace(/^\ufeff+/, "");
}

function readReply(name: string, text: string, bar: number): Score | BadReply | undefined {
	const values = findJsonValues(text);
	const last = values.at(-1);
	const rest = text.slice(last?.end ?? 0);
	// The beginning of an object is missing: what was parsed before can be part of it.
	if (rest.includes("}"))
		return { problem: "printed a closing brace without the one that opens it, and no reply after it" };
	const lines = linesOf(rest);
	const bare = lines.flatMap((line, index) => bareValue(line, index === lines.length - 1) ?? []);
	const [only] = bare;
	if (last) {
		const reply = objectIn(last);
		if (!("object" in reply)) return reply;
		if (only) return { problem: "printed a bare value after its reply, so it is unclear which one counts" };
		return replyScore(name, reply.object, bar);
	}
	if (!only) return text.includes("\0") ? { problem: "printed bytes that are not text" } : undefined;
	if (lines.length > 1) return { problem: 'printed a bare value among other text: print it alone, or as {"score": …}' };
	return bareScore(name, only.value, bar);
}

function objectIn({ kind, value, duplicates = [] }: FoundValue): { readonly object: JsonObject } | BadReply {
	if (kind === "unreadable") return { problem: "printed text in braces that is not JSON, and no reply after it" };
	if (kind === "too deep") return { problem: `printed JSON that nests more than ${deepestJson} levels deep` };
	if (!isObject(value)) return { problem: "printed a list where its reply should be" };
	const known = replyKeys.filter((key) => Object.hasOwn(value, key));
	if (known.length === 0)
		return { problem: `printed an object without any of the keys of a reply (${replyKeys.join(", ")})` };
	const twice = duplicates.find((key) => replyKeys.includes(key));
	return twice === undefined ? { object: value } : { problem: `printed a reply that has the key ${twice} twice` };
}

/** Remaining control sequences count as whitespace. */
const blank = String.raw`[\s\u0000-\u001f\u007f\ufeff\u200b]`;
const lineEdges = new RegExp(`^${blank}+|(?<!${blank})${blank}+$`, "g");

function linesOf(text: string): string[] {
	return text
		.split(/[\r\n]+/)
		.map((line) => line.replace(lineEdges, ""))
		.filter((line) => line !== "" && !/^(`{3,}|~{3,})\s*[\w-]*$/.test(line));
}

/** Other languages' values, alone or in the last line, are an unreadable reply. */
const otherLanguages =
	/^(?:True|False|None|nil|undefined|[+-]?(?:NaN|nan|Infinity|inf)|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)$/;

/** Returns undefined if the line is prose. */
function bareValue(line: string, isLast: boolean): { readonly value: unknown } | undefined {
	if (/^["\d-]|^(?:true|false|null)$/.test(line)) {
		try {
			return { value: JSON.parse(line) };
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
		}
	}
	return isLast && otherLanguages.test(line) ? { value: undefined } : undefined;
}

function bareScore(name: string, value: unknown, bar: number): Score | BadReply {
	if (typeof value === "boolean") {
		const stated = value ? "pass" : "fail";
		return { ...binaryScore(value, `${name} states ${stated}`), stated };
	}
	if (typeof value === "number" && isFraction(value)) return replyScore(name, { score: value }, bar) as Score;
	return { problem: "printed a value that is not true, false or a number from 0 to 1" };
}

export type JsonObject = Readonly<Record<string, unknown>>;

const replyKeys: readonly string[] = [
	...["score", "pass", "passed", "verdict", "assertions", "checks", "hits", "misses", "reason", "error"],
];

/** Completes a sentence about the program. */
interface BadReply {
	readonly problem: string;
}

/**
 * A failing statement (`pass`, `passed`, `verdict`) outweighs the others.
 * @param bar the passing score
 */
export function replyScore(name: string, reply: JsonObject, bar: number): Score | BadReply {
	const error = errorProblem(reply.error);
	if (error !== undefined) return { problem: error };
	const stated = statementOf(reply);
	if (typeof stated === "object") return stated;
	const listed = listOf(reply);
	if ("problem" in listed) return listed;
	const own = ownScore(reply.score);
	if (typeof own === "object") return own;
	const score = own ?? listed.share ?? (stated && (stated === "pass" ? 1 : 0));
	if (score === undefined) return { problem: "printed no score and no verdict" };
	const reason = [reply.reason, reply.reasoning].find((text) => typeof text === "string" && text.trim() !== "");
	const passed = passes({ score, stated }, bar);
	const summary: Finding = {
		text:
			own === undefined ? `${name} states ${stated ?? (passed ? "pass" : "fail")}` : `${name} gives a score of ${own}`,
		passed,
		...(typeof reason === "string" ? { evidence: reason } : {}),
	};
	return {
		score,
		assertions: listed.findings.length > 0 && reason === undefined ? listed.findings : [...listed.findings, summary],
		...(isObject(reply.details) ? { details: reply.details } : {}),
		...(stated ? { stated } : {}),
	};
}

function errorProblem(error: unknown): string | undefined {
	if (error === undefined || error === null || error === false) return undefined;
	if (typeof error === "string")
		return error.trim() === "" ? undefined : `reports an error: ${error.trim().slice(0, 500)}`;
	if (typeof error === "object" && Object.keys(error).length === 0) return undefined;
	return `reports an error: ${JSON.stringify(error).slice(0, 500)}`;
}

/** Fails if any of the reply's keys fails. */
function statementOf(reply: JsonObject): "pass" | "fail" | undefined | BadReply {
	let stated: "pass" | "fail" | undefined;
	for (const key of ["pass", "passed"]) {
		const value = reply[key];
		if (value === undefined) continue;
		if (typeof value !== "boolean") return { problem: `printed a ${key} that is not true or false` };
		stated = value && stated !== "fail" ? "pass" : "fail";
	}
	if (reply.verdict === undefined) return stated;
	const verdict = typeof reply.verdict === "string" ? reply.verdict.trim().toLowerCase() : "";
	if (verdict !== "pass" && verdict !== "fail") return { problem: "printed a verdict that is not pass or fail" };
	return stated === "fail" ? "fail" : verdict;
}

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Sums of fractions miss 1 by about 1e-16. */
const tolerance = 1e-9;

function ownScore(value: unknown): number | undefined | BadReply {
	if (value === undefined) return undefined;
	const isText = typeof value === "string" && decimal.test(value.trim());
	const score = isText ? Number(value) : value;
	if (typeof score === "number" && isFraction(score)) return Math.min(1, Math.max(0, score));
	return { problem: "printed a score that is not a number from 0 to 1" };
}

function isFraction(score: number): boolean {
	return score >= -tolerance && score <= 1 + tolerance;
}

interface Listed {
	readonly findings: readonly Finding[];
	readonly share?: number;
}

/** Reads `assertions` or `checks`, else `hits` and `misses`. */
function listOf(reply: JsonObject): Listed | BadReply {
	let listed: Listed | undefined;
	for (const key of ["assertions", "checks"] as const) {
		if (reply[key] === undefined) continue;
		const read = readEntries(key, reply[key]);
		if ("problem" in read) return read;
		if (!listed || listed.findings.length === 0) listed = read;
	}
	const counted = readCounts(reply);
	if (counted && "problem" in counted) return counted;
	if (listed?.share !== undefined) return listed;
	return counted ?? { findings: [] };
}

function readEntries(key: "assertions" | "checks", value: unknown): Listed | BadReply {
	if (!Array.isArray(value)) return { problem: `printed ${key} that is not a list` };
	const findings: Finding[] = [];
	let sum = 0;
	for (const [index, entry] of value.entries()) {
		const read = isObject(entry) ? readEntry(entry, key === "checks") : undefined;
		if (!read) return { problem: `printed ${key} whose entry ${index + 1} has no true or false in \`passed\`` };
		findings.push(read.finding);
		sum += read.score;
	}
	return findings.length === 0 ? { findings } : { findings, share: sum / findings.length };
}

/** The value is 1 or 0, or in `checks` the entry's own score. */
function readEntry(
	entry: JsonObject,
	isCheck: boolean,
): { readonly finding: Finding; readonly score: number } | undefined {
	const said = [entry.passed, entry.pass].filter((value) => value !== undefined);
	if (said.some((value) => typeof value !== "boolean")) return undefined;
	const score = isCheck && entry.score !== undefined && entry.score !== null ? entry.score : undefined;
	if (score !== undefined && (typeof score !== "number" || !isFraction(score))) return undefined;
	if (said.length === 0 && score === undefined) return undefined;
	const passed = said.length > 0 ? said.every(Boolean) : reaches(score ?? 0, 0.5);
	const evidence = entry.evidence ?? entry.reason;
	const text = [entry.text, entry.id].find((value) => typeof value === "string");
	return {
		score: score ?? (passed ? 1 : 0),
		finding: {
			text: typeof text === "string" ? text : JSON.stringify(entry),
			passed,
			...(evidence === undefined || evidence === null ? {} : { evidence: asText(evidence) }),
		},
	};
}

function readCounts(reply: JsonObject): Listed | BadReply | undefined {
	if (reply.hits === undefined && reply.misses === undefined) return undefined;
	const findings: Finding[] = [];
	const counts = { hits: 0, misses: 0 };
	for (const key of ["hits", "misses"] as const) {
		const value = reply[key] ?? [];
		const passed = key === "hits";
		if (Array.isArray(value)) {
			counts[key] = value.length;
			for (const entry of value) findings.push({ text: asText(entry), passed });
		} else if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) counts[key] = value;
		else return { problem: `printed ${key} that is not a list or a count` };
	}
	const total = counts.hits + counts.misses;
	return total === 0 ? { findings } : { findings, share: counts.hits / total };
}

function asText(value: unknown): string {
	return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}

export function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
