import { deepestJson } from "../base/json-depth.ts";
import { type FoundValue, findJsonValues } from "../base/json-values.ts";
import type { ProcessResult } from "../io/run-process.ts";
import type { CouldNotRun, Grade, Score } from "./contract.ts";
import { type BadReply, isFraction, isObject, type JsonObject, replyKeys, replyScore } from "./reply-score.ts";
import { binaryScore, reaches } from "./verdict.ts";

const longestEvidence = 2000;
const longestQuote = 500;

/**
 * Returns the result of a grader program: a score, or that it could not run. Its reply is the last
 * JSON object with a known key in its output, or a boolean or number that is its whole output. Only
 * a program that prints no JSON is graded by its exit code.
 * @param name the program's name, subject of messages
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
	const passes = reply.stated === "pass" || (reply.stated !== "fail" && reaches(reply.score, bar));
	if (result.exitCode !== 0 && passes)
		return bad({ problem: "printed a passing reply but exited with a failing code: one of the two is wrong" });
	return reply;
}

function byExitCode(name: string, result: ProcessResult, text: string): Score {
	const text0 = `${name} exits with 0`;
	if (result.exitCode === 0) return { ...binaryScore(true, text0, evidence(text)), stated: "pass" };
	const said = evidence(result.stderr || text, ": ") ?? "";
	return { ...binaryScore(false, text0, `exit code ${result.exitCode}${said}`), stated: "fail" };
}

function evidence(text: string, before = ""): string | undefined {
	const trimmed = text.trim();
	return trimmed === "" ? undefined : before + trimmed.slice(-longestEvidence);
}

function printed({ stdout, exitCode }: ProcessResult): string {
	return `${exitCode === 0 ? "" : ` (exit code ${exitCode})`}${quoted(stdout)}`;
}

function quoted(stdout: string): string {
	const text = stdout.trim();
	if (text === "") return "";
	const shown = text.length > longestQuote ? `…${text.slice(-longestQuote)}` : text;
	return `; it printed ${JSON.stringify(shown)}`;
}

/** Returns why a program gave no result, if so. */
export function notRun(name: string, result: ProcessResult): CouldNotRun | undefined {
	const said = `${evidence(result.stderr, ": ") ?? ""}${quoted(result.stdout)}`;
	const because = (code: string, message: string): CouldNotRun => ({ couldNotRun: { code, message } });
	if (result.startError) return because("not-found", `${name} could not be started: ${result.startError.message}`);
	if (result.timedOut) return because("timeout", `${name} timed out${said}`);
	if (result.aborted) return because("interrupted", `${name} was interrupted`);
	if (result.signal !== null) return because("signal", `${name} was ended by ${result.signal}${said}`);
	if (result.exitCode === null) return because("exit-code", `${name} ended without an exit code${said}`);
	if (result.exitCode < 0 || result.exitCode >= 126)
		return because("exit-code", `${name} exited with ${result.exitCode}${said}`);
	return undefined;
}

/** Returns whether stdout is truncated; a truncated stderr does not matter. */
function isCut({ stdoutPath, stderrPath, truncated }: ProcessResult): boolean {
	return stdoutPath !== undefined || (truncated && stderrPath === undefined);
}

const controlSequences =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' control sequences are what is removed.
	/(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-Z^-z~]|\u001b\][^\u0007\u001b\r\n{}]*(?:\u0007|\u001b\\)|\u001b[()][A-Z0-9]/g;

/** Returns the visible output: without colors and byte order mark. */
function plainText(stdout: string): string {
	return stdout.replace(controlSequences, "").replace(/^\ufeff+/, "");
}

/** Returns the reply in a program's output; undefined if it contains no JSON. */
function readReply(name: string, text: string, bar: number): Score | BadReply | undefined {
	const values = findJsonValues(text);
	const last = values.at(-1);
	const rest = text.slice(last?.end ?? 0);
	// The closing brace of an object whose beginning is missing: what was parsed before can be part
	// of it.
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

/** Returns the lines with content: no blank ones and no fences. */
function linesOf(text: string): string[] {
	return text
		.split(/[\r\n]+/)
		.map((line) => line.replace(lineEdges, ""))
		.filter((line) => line !== "" && !/^(`{3,}|~{3,})\s*[\w-]*$/.test(line));
}

/** Values as other languages print them: alone or in the last line they are an unreadable reply. */
const otherLanguages =
	/^(?:True|False|None|nil|undefined|[+-]?(?:NaN|nan|Infinity|inf)|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)$/;

/** Returns the JSON value of a line; undefined if it is prose. */
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
