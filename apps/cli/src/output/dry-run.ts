import { type PlanDescription, plural, terminalSafeLine, toWire } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { shardBudgetText } from "./run.ts";

export function dryRunText(plan: PlanDescription, json: boolean): CommandResult {
	const text = json ? JSON.stringify(toJson(plan), null, 2) : forPeople(plan);
	return { text: `${text}\n`, exitCode: 0 };
}

function forPeople({ cases, workspaces, workers, experiment, shard, access, opaque }: PlanDescription): string {
	const attempts = cases.reduce((sum, planned) => sum + planned.attempts, 0);
	const lines = [
		`Would run ${plural(cases.length, "test")} in ${plural(attempts, "attempt")}, ${workers} concurrently, as experiment ${experiment}${shard ? `, shard ${shard.index}/${shard.count}` : ""}.`,
	];
	for (const budget of shard?.budgets ?? []) lines.push(terminalSafeLine(shardBudgetText(budget)));
	let heading = "";
	for (const planned of cases) {
		const here = `${planned.eval} against ${planned.target} (${planned.provider})`;
		if (here !== heading) lines.push("", terminalSafeLine(here));
		heading = here;
		const facts = [
			planned.graders.join(", "),
			...(planned.attempts > 1 ? [`${planned.attempts} attempts`] : []),
			...(planned.dependsOn.length > 0 ? [`after ${planned.dependsOn.join(", ")}`] : []),
			...(planned.workspace === undefined ? [] : [`workspace ${planned.workspace + 1}`]),
		];
		lines.push(terminalSafeLine(`  ${planned.testId}: ${facts.join("; ")}`));
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

function accessLines({ variables, hosts, files }: PlanDescription["access"]): string[] {
	const lines: string[] = [];
	for (const [title, names] of [
		["Reads environment variables:", variables],
		["Connects to:", hosts],
		["Reads outside the evals' roots:", files],
	] as const) {
		if (names.length > 0) lines.push("", title);
		for (const { name, isNew } of names)
			lines.push(terminalSafeLine(`  ${name}${isNew ? " (new: needs your consent)" : ""}`));
	}
	return lines;
}

function toJson({ experiment, workers, cases, workspaces, shard, access, opaque }: PlanDescription): object {
	const names = (all: typeof access.files) => all.map(({ name, isNew }) => ({ name, new: isNew }));
	return {
		...{ experiment, workers },
		...(shard ? { shard: { ...shard, budgets: shard.budgets.map(toWire) } } : {}),
		planned: cases.map(toWire),
		workspaces,
		access: { variables: names(access.variables), hosts: names(access.hosts), files: names(access.files) },
		opaque,
	};
}
