import {
	type AttemptFile,
	attemptStatuses,
	formatDuration,
	outcomeWords,
	type PlanDescription,
	type ResultRow,
	type ShardBudget,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import type { CommandResult } from "../context.ts";
import {
	attemptTitle,
	errorLines,
	graderLines,
	rowSpending,
	scoreText,
	shardBudgetText,
	signOf,
	spendingTexts,
	usageText,
	warningLines,
} from "./run.ts";
import type { Colors } from "./terminal.ts";

/** Longer texts are cut; the attempt's file contains them in full. */
const longestText = 4000;
const mostLines = 40;

/**
 * Returns all details of an attempt, without a final newline: verdict, error, graders, times, tokens, cost, input, output
 * and logs.
 * @param file the attempt's file; undefined if it can't be read
 * @param isOneOfSeveral whether its test has several attempts
 */
export function attemptDetailText(
	row: ResultRow,
	file: AttemptFile | undefined,
	isOneOfSeveral: boolean,
	colors: Colors,
): string {
	const status = outcomeWords[attemptStatuses[row.executionStatus]];
	const verdict = status === scoreText(row) ? status : `${status}  ${scoreText(row)}`;
	return [
		`${signOf(row, colors)} ${colors.bold(attemptTitle(row, isOneOfSeveral))}  ${verdict}`,
		...[
			...factLines(row, colors),
			...(row.error ? section("error", errorLines(row.error, colors), colors) : []),
			...warningLines(row, colors),
			...section("graders", graders(row, colors), colors),
			...(file ? section("input", textLines(inputText(file.input)), colors) : []),
			...(file ? section("output", outputLines(file), colors) : []),
			...logLines(file, colors),
			...(row.file === undefined ? [] : [colors.dim(`record: ${terminalSafeLine(row.file)}`)]),
			...(file ? [] : [colors.yellow("! the attempt's file can't be read: showing its row")]),
		].map((line) => `    ${line}`),
	].join("\n");
}

function graders({ scores }: ResultRow, colors: Colors): string[] {
	return scores.flatMap((score) => graderLines(score, score.assertions, colors));
}

function factLines(row: ResultRow, colors: Colors): string[] {
	const { target, judging } = rowSpending(row);
	const facts: [string, string | undefined][] = [
		["eval", terminalSafeLine(row.eval)],
		["time", timeText(row)],
		["target", usageText(target)],
		["judging", usageText(judging)],
		["total", judging.costUsd === undefined ? undefined : spendingTexts({ target, judging })[0]],
		["stop reason", row.stopReason === undefined ? undefined : terminalSafeLine(row.stopReason)],
		["from cache", row.cached && (cachedText(row.cached) ?? "yes")],
		["rerun", row.rerun === undefined ? undefined : rerunText],
		["workspace", row.workspacePath === undefined ? undefined : terminalSafeLine(row.workspacePath)],
	];
	return facts.flatMap(([name, text]) => (text === undefined ? [] : [`${colors.dim(name.padEnd(11))} ${text}`]));
}

/** Shown for attempts that `--rerun-changed` repeated. */
export const rerunText = "rerun, because something that it depends on had changed";

/** Returns `target 1.2s, prepare 10ms, grade 3ms`: the time that the target reports, then the other stages. */
export function timeText({ durationMs, timingsMs }: Pick<ResultRow, "durationMs" | "timingsMs">): string {
	const { target: _, ...others } = timingsMs ?? {};
	const stages = Object.entries(others).filter(([, ms]) => ms >= 0.5);
	return [`target ${formatDuration(durationMs)}`, ...stages.map(([name, ms]) => `${name} ${formatDuration(ms)}`)].join(
		", ",
	);
}

/** Describes the original time and usage of a cached answer. */
export function cachedText({ durationMs, ...usage }: NonNullable<ResultRow["cached"]>): string | undefined {
	const used = usageText(usage);
	const took = durationMs === undefined ? undefined : formatDuration(durationMs);
	const parts = [used, took].filter((part) => part !== undefined);
	return parts.length === 0 ? undefined : `originally took ${parts.join(", ")}`;
}

function section(title: string, lines: readonly string[], colors: Colors): string[] {
	return lines.length === 0 ? [] : [colors.dim(title), ...lines.map((line) => `  ${line}`)];
}

function outputLines({ output, outputPath }: AttemptFile): string[] {
	if (output !== null) return textLines(output);
	return outputPath === undefined ? [] : [`in ${terminalSafeLine(outputPath)}`];
}

function logLines(file: AttemptFile | undefined, colors: Colors): string[] {
	return (file?.logs ?? []).flatMap(({ stage, name, text, omitted }) => {
		const left = omitted === undefined ? "" : `, ${omitted.toLocaleString("en-US")} characters left out`;
		return section(`log of ${terminalSafeLine(`${stage}: ${name}`)}${left}`, textLines(text), colors);
	});
}

/** Splits text of a program or model into lines that are safe for a terminal, and cuts it. */
function textLines(text: string): string[] {
	const lines = terminalSafe(text.slice(0, longestText))
		.replace(/(?<!\n)\n+$/, "")
		.split("\n");
	const shown = lines.slice(0, mostLines);
	const isCut = text.length > longestText || lines.length > mostLines;
	if (text.trim() === "") return [];
	return isCut ? [...shown, `… ${text.length.toLocaleString("en-US")} characters in all`] : shown;
}

/** Formats the input as text, each message of a conversation after its role. */
export function inputText(input: unknown): string {
	if (typeof input === "string") return input;
	if (!Array.isArray(input)) return JSON.stringify(input, null, 2) ?? "";
	return input.map(messageText).join("\n\n");
}

function messageText(message: { readonly role?: unknown; readonly content?: unknown }): string {
	const { role, content } = message;
	const pieces = Array.isArray(content) ? content : [content];
	const lines = pieces.map((piece) => {
		if (typeof piece === "string") return piece;
		const { type, value } = (piece ?? {}) as { readonly type?: unknown; readonly value?: unknown };
		return type === "text" ? String(value) : `[${type}: ${value}]`;
	});
	return `[${role}]\n${lines.join("\n")}`;
}

/** Describes what a run would do, as text or JSON. */
export function dryRunText(plan: PlanDescription, json: boolean): CommandResult {
	const text = json ? JSON.stringify(toJson(plan), null, 2) : forPeople(plan);
	return { text: `${text}\n`, exitCode: 0 };
}

function forPeople({ cases, workspaces, workers, experiment, shard, access, opaque }: PlanDescription): string {
	const attempts = cases.reduce((sum, one) => sum + one.attempts, 0);
	const lines = [
		`Would run ${count(cases.length, "test")} in ${count(attempts, "attempt")}, ${workers} concurrently, as experiment ${experiment}${shard ? `, shard ${shard.index}/${shard.count}` : ""}.`,
	];
	for (const budget of shard?.budgets ?? []) lines.push(terminalSafeLine(shardBudgetText(budget)));
	let heading = "";
	for (const one of cases) {
		const here = `${one.eval} against ${one.target} (${one.provider})`;
		if (here !== heading) lines.push("", terminalSafeLine(here));
		heading = here;
		const facts = [
			one.graders.join(", "),
			...(one.attempts > 1 ? [`${one.attempts} attempts`] : []),
			...(one.dependsOn.length > 0 ? [`after ${one.dependsOn.join(", ")}`] : []),
			...(one.workspace === undefined ? [] : [`workspace ${one.workspace + 1}`]),
		];
		lines.push(terminalSafeLine(`  ${one.testId}: ${facts.join("; ")}`));
	}
	for (const [index, workspace] of workspaces.entries()) {
		lines.push(
			"",
			`Workspace ${index + 1}, ${workspace.isolation === "shared" ? "shared: one test at a time" : "a copy for each test"}`,
		);
		if (workspace.template)
			lines.push(
				`  copies ${terminalSafeLine(workspace.template.path)}${workspace.template.exists ? "" : " (missing)"}`,
			);
		for (const { path, repo, requested } of workspace.repositories)
			lines.push(terminalSafeLine(`  clones ${repo}${requested === undefined ? "" : ` at ${requested}`} into ${path}`));
		for (const { when, what } of workspace.calls) lines.push(terminalSafeLine(`  calls, ${when}: ${what}`));
	}
	lines.push(...accessLines(access));
	if (opaque.length > 0) lines.push("", "Changes to these are not detected:");
	for (const { what, why } of opaque) lines.push(terminalSafeLine(`  ${what}: ${why}`));
	return lines.join("\n");
}

function budgetJson({ eval: label, usd, wholeUsd, tests, wholeTests }: ShardBudget): object {
	return {
		...(label === undefined ? {} : { eval: label }),
		...{ usd, whole_usd: wholeUsd, tests, whole_tests: wholeTests },
	};
}

function count(number: number, what: string): string {
	return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Lists what evals read and connect to beyond their own files. */
function accessLines({ variables, hosts, files }: PlanDescription["access"]): string[] {
	const parts = [
		["Reads environment variables:", variables],
		["Connects to:", hosts],
		["Reads outside the evals' roots:", files],
	] as const;
	return parts.flatMap(([title, names]) =>
		names.length === 0
			? []
			: [
					"",
					title,
					...names.map(({ name, isNew }) => terminalSafeLine(`  ${name}${isNew ? " (new: needs your consent)" : ""}`)),
				],
	);
}

function accessJson({ variables, hosts, files }: PlanDescription["access"]): object {
	const all = (names: typeof variables) => names.map(({ name, isNew }) => ({ name, new: isNew }));
	return { variables: all(variables), hosts: all(hosts), files: all(files) };
}

function toJson({ experiment, workers, cases, workspaces, shard, access, opaque }: PlanDescription): object {
	return {
		experiment,
		workers,
		...(shard ? { shard: { ...shard, budgets: shard.budgets.map(budgetJson) } } : {}),
		planned: cases.map(({ eval: label, testId, target, provider, attempts, graders, dependsOn, workspace }) => ({
			eval: label,
			test_id: testId,
			...{ target, provider, attempts, graders, depends_on: dependsOn },
			...(workspace === undefined ? {} : { workspace }),
		})),
		workspaces,
		access: accessJson(access),
		opaque,
	};
}
