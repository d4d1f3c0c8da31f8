import { type Difference, type RunVerification, terminalSafeLine } from "@agentv/core";
import { differenceText } from "../results/difference-text.ts";
import type { Colors } from "../terminal/colors.ts";

const mostShown = 100;

/** What differs, by test; then how much was looked at and what was not graded again. `name` is how the run is called. */
export function verifyText(verified: RunVerification, name: string, colors: Colors): string {
	const { differences } = verified;
	const agrees = differences.length === 0;
	const parts = [
		`${agrees ? colors.green("✓") : colors.red("✗")} ${colors.bold(terminalSafeLine(name))}  ${agrees ? "all agrees" : counted(differences.length, "difference")}`,
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

/** The differences of each test and file, under its name. */
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
		`${counted(planned, "test")}, ${counted(attempts, "attempt")}: ${counted(reExecuted, "grader")} judged the recorded answers again`,
		...(left > 0
			? [
					`not re-executed, recorded scores taken over: ${counted(left, "grader")} (${notReExecuted.map(takenOver).join(", ")})`,
				]
			: []),
		...(digest === undefined ? [] : [`digest ${digest}`]),
		...(signedBy === undefined ? [] : [`signed by ${terminalSafeLine(signedBy)}`]),
		...(signature === undefined ? [] : [signatures[signature]]),
		...(finished < planned ? [`${counted(planned - finished, "test")} not finished: the run was cut short`] : []),
	];
}

const signatures = {
	"signers-not-checked": "signed, by whom is not checked: name who may sign by --allowed-signers FILE",
	"not-checked": "signed, but the signature is not checked: that takes ssh-keygen (OpenSSH's client)",
} as const;

const reasons = {
	"not-reproducible": "",
	masked: ", secrets were taken out of what they judged",
	timeout: ", they ran into their time limit",
} as const;

function takenOver({ type, reason, graders }: RunVerification["notReExecuted"][number]): string {
	return `${graders} ${terminalSafeLine(type)}${reasons[reason]}`;
}

function counted(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? "" : "s"}`;
}
