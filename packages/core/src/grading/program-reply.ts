import type { ProcessResult } from "../io/run-process.ts";
import type { CouldNotRun, Finding, Grade, Score } from "./contract.ts";
import { binaryScore, shareScore } from "./verdict.ts";

const longestEvidence = 2000;

/** What a grader program's end means: a score, or that it could not run. `name` is how the user knows it. */
export function programReply(name: string, result: ProcessResult): Grade {
	const broken = notRun(name, result);
	if (broken) return broken;
	const reply = parseReply(result.stdout);
	if (reply !== undefined) {
		const read = readReply(name, reply);
		if (read) return read;
	}
	if (result.exitCode === 0) return binaryScore(true, `${name} exits with 0`, evidence(result.stdout));
	return binaryScore(
		false,
		`${name} exits with 0`,
		`exit code ${result.exitCode}${evidence(result.stderr || result.stdout, ": ") ?? ""}`,
	);
}

function evidence(text: string, before = ""): string | undefined {
	const trimmed = text.trim();
	return trimmed === "" ? undefined : before + trimmed.slice(-longestEvidence);
}

/** Why a program gave no judgement, if it gave none. */
export function notRun(name: string, result: ProcessResult): CouldNotRun | undefined {
	const said = evidence(result.stderr, ": ") ?? "";
	const because = (code: string, message: string): CouldNotRun => ({ couldNotRun: { code, message } });
	if (result.startError) return because("not-found", `${name} could not be started: ${result.startError.message}`);
	if (result.timedOut) return because("timeout", `${name} ran into its time limit${said}`);
	if (result.aborted) return because("interrupted", `${name} was interrupted`);
	if (result.signal !== null) return because("signal", `${name} was ended by ${result.signal}${said}`);
	if (result.exitCode !== null && result.exitCode >= 126)
		return because("exit-code", `${name} exited with ${result.exitCode}${said}`);
	return undefined;
}

/** The object that stdout is, or that its last line is where a program talks before it answers. */
function parseReply(stdout: string): Record<string, unknown> | undefined {
	const text = stdout.trim();
	return parseObject(text) ?? parseObject(text.slice(text.lastIndexOf("\n") + 1));
}

function parseObject(text: string): Record<string, unknown> | undefined {
	if (!text.startsWith("{")) return undefined;
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		return undefined;
	}
}

function readReply(name: string, reply: Record<string, unknown>): Grade | undefined {
	const assertions = readFindings(reply.assertions);
	const details = isObject(reply.details) ? { details: reply.details } : {};
	if (reply.score === undefined) return assertions.length > 0 ? { ...shareScore(assertions), ...details } : undefined;
	const score = reply.score;
	if (typeof score !== "number" || !(score >= 0 && score <= 1)) {
		const message = `${name} answered the score ${JSON.stringify(score)}, which is no number from 0 to 1`;
		return { couldNotRun: { code: "bad-reply", message } };
	}
	const stated: Score = { score, assertions, ...details };
	return assertions.length > 0
		? stated
		: { ...stated, assertions: [{ text: `${name} gives a score of ${score}`, passed: score >= 0.5 }] };
}

function readFindings(value: unknown): Finding[] {
	if (!Array.isArray(value)) return [];
	return value.filter(isObject).map((entry) => ({
		text: typeof entry.text === "string" ? entry.text : JSON.stringify(entry),
		passed: entry.passed === true,
		...(entry.evidence === undefined || entry.evidence === null
			? {}
			: { evidence: typeof entry.evidence === "string" ? entry.evidence : JSON.stringify(entry.evidence) }),
	}));
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
