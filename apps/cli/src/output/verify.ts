import {
	type Difference,
	encode,
	type Merge,
	type Missing,
	type MissingTest,
	mergeProblemText,
	plural,
	type RunVerification,
	terminalSafeLine,
	toWire,
	toWireSummary,
	verificationSchema,
} from "@agentv/core";
import { shownWord } from "../exporters/matrix.ts";
import { sumText } from "./run.ts";
import type { Colors } from "./terminal.ts";

const maxShown = 100;

export function verifyText(verified: RunVerification, name: string, colors: Colors): string {
	const { agrees, differences } = verified;
	const parts = [
		`${agrees ? colors.green("✓") : colors.red("✗")} ${colors.bold(terminalSafeLine(name))}  ${agrees ? "everything matches" : plural(differences.length, "difference")}`,
		...groups(differences.slice(0, maxShown)).map(([title, lines]) =>
			[`  ${title}`, ...lines.map((line) => `    ${line}`)].join("\n"),
		),
		...(differences.length > maxShown
			? [colors.dim(`  and ${differences.length - maxShown} more; --json lists all`)]
			: []),
		checkedLines(verified).join("\n"),
	];
	return `${parts.join("\n\n")}\n`;
}

function groups(differences: readonly Difference[]): [title: string, lines: string[]][] {
	const byTitle = new Map<string, string[]>();
	for (const difference of differences) {
		const title = titleOf(difference);
		const lines = byTitle.get(title) ?? [];
		byTitle.set(title, [...lines, terminalSafeLine(differenceText(difference))]);
	}
	return [...byTitle];
}

function titleOf({ kind, eval: label, testId, target, attempt, file }: Difference): string {
	if (attempt !== undefined)
		return terminalSafeLine(`${label} › ${testId} (${target})${attempt > 1 ? `, attempt ${attempt}` : ""}`);
	if (kind.startsWith("summary")) return "summary.json";
	if (kind === "mixed-versions") return "versions";
	if (kind === "signature") return "signature";
	if (file !== undefined && !file.startsWith("tests/")) return "record";
	return file === undefined ? "index.jsonl" : "tests";
}

function checkedLines(verified: RunVerification): string[] {
	const { tests, attempts, graders, digest, signedBy, signature } = verified;
	const { planned, finished } = tests;
	const { reExecuted, notReExecuted } = graders;
	const graderCount = notReExecuted.reduce((sum, { graders }) => sum + graders, 0);
	return [
		`${plural(planned, "test")}, ${plural(attempts, "attempt")}: ${plural(reExecuted, "grader")} re-graded the recorded answers`,
		...(graderCount > 0
			? [
					`not run again, recorded scores kept: ${plural(graderCount, "grader")} (${notReExecuted.map(keptText).join(", ")})`,
				]
			: []),
		...(digest === null ? [] : [`digest ${digest}`]),
		...(signedBy === undefined ? [] : [`signed by ${terminalSafeLine(signedBy)}`]),
		...(signature === undefined ? [] : [signatures[signature]]),
		...(finished < planned ? [`${plural(planned - finished, "test")} not finished: the run was interrupted`] : []),
	];
}

const signatures = {
	signers_not_checked: "signed, but the signer was not checked: pass --allowed-signers FILE",
	not_checked: "signed, but the signature was not checked: ssh-keygen (OpenSSH client) is missing",
} as const;

const reasons = {
	"not-reproducible": "",
	masked: ", secrets were redacted from what they graded",
	timeout: ", timed out",
} as const;

function keptText({ type, reason, graders }: RunVerification["graders"]["notReExecuted"][number]): string {
	return `${graders} ${terminalSafeLine(type)}${reasons[reason]}`;
}

/** Schema: docs/schemas/verify-output.schema.json. */
export function verifyJson(verified: RunVerification): string {
	const differences = verified.differences.map(({ reason, ...difference }) => ({
		...difference,
		...(difference.field === undefined
			? {}
			: { recorded: difference.recorded ?? null, recomputed: difference.recomputed ?? null }),
		message: differenceText({ ...difference, reason }),
	}));
	return `${JSON.stringify(encode(verificationSchema, { ...verified, differences }), null, 2)}\n`;
}

/** Omits the full stop, and the test or file. */
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

const maxLength = 200;

function shown(value: unknown): string {
	if (value === undefined) return "nothing";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

const maxShownProblems = 20;

export function mergeText(merge: Merge, output: string, colors: Colors): string {
	const { summary, warnings } = merge;
	const lines = [
		...warnings.map((warning) => colors.yellow(`! ${terminalSafeLine(warning)}`)),
		...(summary ? written(merge, sumText(summary, colors), output, colors) : refused(merge, colors)),
	];
	return `${lines.join("\n")}\n`;
}

function written({ missing, runs }: Merge, sum: string, output: string, colors: Colors): string[] {
	const merged = `Merged ${plural(runs.length, "run")} into ${terminalSafeLine(output)}`;
	if (missing.tests.length === 0) return [sum, merged];
	return [
		...missingLines(missing, runs, colors),
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

function missingLines({ shards, tests }: Missing, runs: Merge["runs"], colors: Colors): string[] {
	const attempts = tests.reduce((sum, test) => sum + test.attempts.length, 0);
	const cross = colors.red("✗");
	const lines = [colors.red(`${plural(tests.length, "test")} with missing results (${plural(attempts, "attempt")}):`)];
	for (const shard of shards) {
		const own = tests.filter((test) => test.shard === shard).map((test) => `      ${testText(test, false)}`);
		lines.push(`  ${cross} shard ${shard} is missing, with ${plural(own.length, "test")}:`);
		lines.push(...shortened(own, colors, "      "));
	}
	const others = tests.filter(({ shard }) => shard === undefined || !shards.includes(shard));
	const named = others.map((test) => `  ${cross} ${testText(test, true)}${ofShard(test, runs)}`);
	return [...lines, ...shortened(named, colors)];
}

function ofShard({ shard }: MissingTest, runs: Merge["runs"]): string {
	const own = shard === undefined ? undefined : runs.find((run) => run.shard === shard);
	return own ? `, expected in ${terminalSafeLine(own.run)}` : "";
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

export function mergeJson(merge: Merge, output: string): string {
	const { problems, missing, summary, warnings, runs } = merge;
	const document = {
		run_dir: summary ? output : null,
		complete: problems.length + missing.tests.length === 0,
		summary: summary ? toWireSummary(summary) : null,
		runs: runs.map(toWire),
		missing: { shards: missing.shards, tests: missing.tests.map(toWire) },
		problems: problems.map((problem) => ({ ...toWire(problem), message: mergeProblemText(problem) })),
		warnings,
	};
	return `${JSON.stringify(document, null, 2)}\n`;
}
