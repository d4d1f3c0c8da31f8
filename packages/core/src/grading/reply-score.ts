import type { Finding, Score } from "./contract.ts";
import { reaches } from "./verdict.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** The keys that identify an object as a grader's reply. */
export const replyKeys: readonly string[] = [
	...["score", "pass", "passed", "verdict", "assertions", "checks", "hits", "misses", "reason", "error"],
];

/** Why a reply is unusable: completes a sentence about the program. */
export interface BadReply {
	readonly problem: string;
}

/**
 * Parses the object that a grader program printed. `bar` is the passing score: findings derived
 * from the reply need it.
 * The statements `pass`, `passed` and `verdict` are kept with the score; a failing one outweighs
 * the others.
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
	const passed = stated === undefined ? reaches(score, bar) : stated === "pass";
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

/** Returns the reply's own statement: fail if any of its keys fails. */
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
/** Sums of fractions miss 1 by some 1e-16. */
const tolerance = 1e-9;

function ownScore(value: unknown): number | undefined | BadReply {
	if (value === undefined) return undefined;
	const isText = typeof value === "string" && decimal.test(value.trim());
	const score = isText ? Number(value) : value;
	if (typeof score === "number" && isFraction(score)) return Math.min(1, Math.max(0, score));
	return { problem: "printed a score that is not a number from 0 to 1" };
}

export function isFraction(score: number): boolean {
	return score >= -tolerance && score <= 1 + tolerance;
}

interface Listed {
	readonly findings: readonly Finding[];
	/** The score of the list; undefined if it is empty. */
	readonly share?: number;
}

/** Returns the statements of a reply: `assertions` or `checks`, else `hits` and `misses`. */
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

/** Returns a statement with its value: 1 or 0, and in `checks` its own score. */
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
	const text = [entry.text, entry.id].find((one) => typeof one === "string");
	return {
		score: score ?? (passed ? 1 : 0),
		finding: {
			text: typeof text === "string" ? text : JSON.stringify(entry),
			passed,
			...(evidence === undefined || evidence === null ? {} : { evidence: asText(evidence) }),
		},
	};
}

/** Reads `hits` and `misses`, as lists of statements or as counts. */
function readCounts(reply: JsonObject): Listed | BadReply | undefined {
	if (reply.hits === undefined && reply.misses === undefined) return undefined;
	const findings: Finding[] = [];
	const counts = { hits: 0, misses: 0 };
	for (const key of ["hits", "misses"] as const) {
		const value = reply[key] ?? [];
		const passed = key === "hits";
		if (Array.isArray(value)) {
			counts[key] = value.length;
			for (const one of value) findings.push({ text: asText(one), passed });
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
