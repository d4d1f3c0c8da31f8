import {
	type Difference,
	type Merge,
	type MergeProblem,
	type Missing,
	type MissingTest,
	mergeProblemText,
	type RunVerification,
	terminalSafeLine,
	toWireSummary,
} from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { shownWord } from "../exporters/matrix.ts";
import { sumText } from "./run.ts";
import type { Colors } from "./terminal.ts";

const mostShown = 100;

/** Lists differences by test, then how much was checked and what was not graded again. */
export function verifyText(verified: RunVerification, name: string, colors: Colors): string {
	const { differences } = verified;
	const agrees = differences.length === 0;
	const parts = [
		`${agrees ? colors.green("✓") : colors.red("✗")} ${colors.bold(terminalSafeLine(name))}  ${agrees ? "everything matches" : counted(differences.length, "difference")}`,
		...groups(differences.slice(0, mostShown)).map(([title, lines]) =>
			[`  ${title}`, ...lines.map((line) => `    ${line}`)].join("\n"),
		),
		...(differences.length > mostShown
			? [colors.dim(`  and ${differences.length - mostShown} more; --json lists all`)]
			: []),
		lookedAt(verified).join("\n"),
	];
	return `${parts.join("\n\n")}\n`;
}

/** Groups differences by test or file. */
function groups(differences: readonly Difference[]): [title: string, lines: string[]][] {
	const found = new Map<string, string[]>();
	for (const one of differences) {
		const title = titleOf(one);
		const lines = found.get(title) ?? [];
		found.set(title, [...lines, terminalSafeLine(differenceText(one))]);
	}
	return [...found];
}

function titleOf({ kind, attempt, file }: Difference): string {
	if (attempt) {
		const { eval: label, testId, target } = attempt;
		return terminalSafeLine(
			`${label} › ${testId} (${target})${attempt.attempt > 1 ? `, attempt ${attempt.attempt}` : ""}`,
		);
	}
	if (kind.startsWith("summary")) return "summary.json";
	if (kind === "mixed-versions") return "versions";
	if (kind === "signature") return "signature";
	if (file !== undefined && !file.startsWith("tests/")) return "record";
	return file === undefined ? "index.jsonl" : "tests";
}

function lookedAt({
	planned,
	finished,
	attempts,
	reExecuted,
	notReExecuted,
	digest,
	signedBy,
	signature,
}: RunVerification): string[] {
	const left = notReExecuted.reduce((sum, { graders }) => sum + graders, 0);
	return [
		`${counted(planned, "test")}, ${counted(attempts, "attempt")}: ${counted(reExecuted, "grader")} re-graded the recorded answers`,
		...(left > 0
			? [`not run again, recorded scores kept: ${counted(left, "grader")} (${notReExecuted.map(takenOver).join(", ")})`]
			: []),
		...(digest === undefined ? [] : [`digest ${digest}`]),
		...(signedBy === undefined ? [] : [`signed by ${terminalSafeLine(signedBy)}`]),
		...(signature === undefined ? [] : [signatures[signature]]),
		...(finished < planned ? [`${counted(planned - finished, "test")} not finished: the run was interrupted`] : []),
	];
}

const signatures = {
	"signers-not-checked": "signed, but the signer was not checked: pass --allowed-signers FILE",
	"not-checked": "signed, but the signature was not checked: ssh-keygen (OpenSSH client) is missing",
} as const;

const reasons = {
	"not-reproducible": "",
	masked: ", secrets were redacted from what they graded",
	timeout: ", timed out",
} as const;

function takenOver({ type, reason, graders }: RunVerification["notReExecuted"][number]): string {
	return `${graders} ${terminalSafeLine(type)}${reasons[reason]}`;
}

function counted(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Schema: docs/schemas/verify-output.schema.json. */
export function verifyJson(verified: RunVerification): string {
	const document = {
		run_dir: verified.directory,
		run_id: verified.runId,
		digest: verified.digest ?? null,
		...(verified.signedBy === undefined ? {} : { signed_by: verified.signedBy }),
		...(verified.signature === undefined ? {} : { signature: verified.signature.replaceAll("-", "_") }),
		agrees: verified.differences.length === 0,
		tests: { planned: verified.planned, finished: verified.finished },
		attempts: verified.attempts,
		graders: { re_executed: verified.reExecuted, not_re_executed: verified.notReExecuted },
		differences: verified.differences.map(differenceJson),
	};
	return `${JSON.stringify(document, null, 2)}\n`;
}

function differenceJson(found: Difference) {
	const { kind, attempt, file, line, grader, field, recorded, recomputed, of, versions } = found;
	return {
		kind,
		...(attempt
			? { eval: attempt.eval, test_id: attempt.testId, target: attempt.target, attempt: attempt.attempt }
			: {}),
		...(file === undefined ? {} : { file }),
		...(line === undefined ? {} : { line }),
		...(grader === undefined ? {} : { grader }),
		...(field === undefined ? {} : { field, recorded: recorded ?? null, recomputed: recomputed ?? null }),
		...(of === undefined ? {} : { of }),
		...(versions
			? {
					versions: versions.map(({ version, attempts, first }) => ({
						...{ version, attempts },
						first: first.map(({ eval: label, testId, target, attempt: number }) => ({
							...{ eval: label, test_id: testId, target, attempt: number },
						})),
					})),
				}
			: {}),
		message: differenceText(found),
	};
}

/** Describes a difference, without a full stop and without its test or file. */
function differenceText({
	kind,
	line,
	file = "its file",
	grader,
	field,
	recorded,
	recomputed,
	of,
	versions = [],
	reason,
}: Difference): string {
	const values = () => `recorded ${shown(recorded)}, recomputed ${shown(recomputed)}`;
	switch (kind) {
		case "row-unreadable":
			return `index.jsonl, line ${line}: not a valid row`;
		case "row-cut-off":
			return `index.jsonl, line ${line}: truncated row at the end of the file`;
		case "row-duplicated":
			return `index.jsonl, line ${line}: duplicate row for an attempt that was already graded`;
		case "row-unplanned":
			return `index.jsonl, line ${line}: attempt is not planned in run.json`;
		case "row-missing":
			return "has no row in index.jsonl, although the summary counts it";
		case "file-missing":
			return `${file} is missing`;
		case "file-unreadable":
			return `${file} is not a readable attempt record`;
		case "file-changed":
			return `${file} was modified after the run (SHA-256 mismatch)`;
		case "file-added":
			return `${file} is not covered by the run's digest`;
		case "file-kind":
			return `${file} is a link, executable, or not a regular file, which a record never contains`;
		case "digest-missing":
			return file === "run.sha256"
				? "the run has no digest (run.sha256): it has not finished, was recorded by an earlier version, or the digest was deleted"
				: `${file} has no digest in its row`;
		case "digest-unreadable":
			return `${file} is not a valid run digest`;
		case "signature":
			return `${file}: ${reason}`;
		case "file-without-row":
			return `${file} has no matching row in index.jsonl`;
		case "fact":
			return `${field}: the row says ${shown(recorded)}, the attempt's file ${shown(recomputed)}`;
		case "mixed-versions":
			return `${of}: results come from ${versions.length} versions: ${versions.map(versionText).join("; ")}`;
		case "grader":
			return `${grader === undefined ? "" : `grader ${grader}: `}${field} ${values()}`;
		case "attempt":
		case "summary":
			return `${field}: ${values()}`;
		case "summary-missing":
			return "missing, although all tests have rows";
		case "summary-unreadable":
			return "unreadable";
	}
}

function versionText({ version, attempts, first }: NonNullable<Difference["versions"]>[number]): string {
	const short = version.slice(0, 12);
	if (attempts === 0) return `${short} is stated in run.json`;
	const names = first.map(({ testId, attempt }) => (attempt > 1 ? `${testId}, attempt ${attempt}` : testId));
	const more = attempts > first.length ? `, and ${attempts - first.length} more` : "";
	return `${short} made ${attempts} (${names.join(", ")}${more})`;
}

const longest = 200;

function shown(value: unknown): string {
	if (value === undefined) return "nothing";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

const maxShownProblems = 20;

/** Reports the merged run's summary and missing tests, or why nothing was merged. */
export function mergeText(merge: Merge, output: string, colors: Colors): CommandResult {
	const { summary, warnings } = merge;
	const lines = [
		...warnings.map((warning) => colors.yellow(`! ${terminalSafeLine(warning)}`)),
		...(summary ? written(merge, sumText(summary, colors), output, colors) : refused(merge, colors)),
	];
	return { text: `${lines.join("\n")}\n`, exitCode: mergeExitCode(merge) };
}

function written({ missing, parts }: Merge, sum: string, output: string, colors: Colors): string[] {
	const merged = `Merged ${count(parts.length, "run")} into ${terminalSafeLine(output)}`;
	if (missing.tests.length === 0) return [sum, merged];
	return [
		...missingLines(missing, parts, colors),
		"",
		sum,
		merged,
		colors.yellow(`Run the missing tests: agentv eval run --only-missing ${shownWord(output)}`),
	];
}

function refused({ problems }: Merge, colors: Colors): string[] {
	return [
		colors.red("These runs can't be merged; nothing was written:"),
		...shortened(
			problems.map((problem) => `  ${colors.red("✗")} ${terminalSafeLine(mergeProblemText(problem))}`),
			colors,
		),
	];
}

function missingLines({ shards, tests }: Missing, parts: Merge["parts"], colors: Colors): string[] {
	const attempts = tests.reduce((sum, one) => sum + one.attempts.length, 0);
	const absent = shards.map((shard) => {
		const own = tests.filter((one) => one.shard === shard);
		return { text: `shard ${shard} is missing, with ${count(own.length, "test")}:`, own };
	});
	const others = tests.filter(({ shard }) => shard === undefined || !shards.includes(shard));
	return [
		colors.red(`${count(tests.length, "test")} with missing results (${count(attempts, "attempt")}):`),
		...absent.flatMap(({ text, own }) => [
			`  ${colors.red("✗")} ${text}`,
			...shortened(
				own.map((one) => `      ${testText(one, false)}`),
				colors,
				"      ",
			),
		]),
		...shortened(
			others.map((one) => `  ${colors.red("✗")} ${testText(one, true)}${ofShard(one, parts)}`),
			colors,
		),
	];
}

/** Names the run that should have had the test. */
function ofShard({ shard }: MissingTest, parts: Merge["parts"]): string {
	const part = shard === undefined ? undefined : parts.find((one) => one.shard === shard);
	return part ? `, expected in ${terminalSafeLine(part.name)}` : "";
}

function testText({ eval: label, testId, target, attempts }: MissingTest, withAttempts: boolean): string {
	const isOnly = attempts.length === 1 && attempts[0] === 1;
	const which = `, attempt${attempts.length === 1 ? "" : "s"} ${attempts.join(", ")}`;
	return terminalSafeLine(`${testId} (${target}${withAttempts && !isOnly ? which : ""}) of ${label}`);
}

function shortened(lines: readonly string[], colors: Colors, indent = "  "): string[] {
	if (lines.length <= maxShownProblems) return [...lines];
	return [...lines.slice(0, maxShownProblems), colors.dim(`${indent}… and ${lines.length - maxShownProblems} more`)];
}

function count(number: number, what: string): string {
	return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Reports the merged run's directory (null if nothing was written), missing tests and problems. */
export function mergeJson(merge: Merge, output: string): CommandResult {
	const { problems, missing, summary, warnings, parts } = merge;
	const document = {
		run_dir: summary ? output : null,
		complete: mergeExitCode(merge) === 0,
		summary: summary ? toWireSummary(summary) : null,
		runs: parts.map(({ name, runId, shard, attempts }) => ({
			...{ run: name, run_id: runId, attempts },
			...(shard === undefined ? {} : { shard }),
		})),
		missing: {
			shards: missing.shards,
			tests: missing.tests.map(({ eval: label, testId, target, attempts, shard }) => ({
				...{ eval: label, test_id: testId, target, attempts },
				...(shard === undefined ? {} : { shard }),
			})),
		},
		problems: problems.map(problemJson),
		warnings,
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: mergeExitCode(merge) };
}

function problemJson(problem: MergeProblem): object {
	const text = mergeProblemText(problem);
	if (!("attempt" in problem)) return { ...problem, message: text };
	const { attempt, ...rest } = problem;
	const { eval: label, testId, target } = attempt;
	return { ...rest, eval: label, test_id: testId, target, attempt: attempt.attempt, message: text };
}

/** Returns 0 if merged and complete, else 1. */
function mergeExitCode({ problems, missing }: Pick<Merge, "problems" | "missing">): number {
	return problems.length + missing.tests.length > 0 ? 1 : 0;
}
