import { type Difference, type RunVerification, terminalSafeLine } from "@agentv/core";
import { differenceText } from "../results/difference-text.ts";
import type { Colors } from "../terminal/colors.ts";

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
