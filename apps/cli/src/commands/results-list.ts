import {
	boundedMeanText,
	listRuns,
	outcomeWords,
	type RunListItem,
	scoreMean,
	terminalSafeLine,
	testsNotRun,
	toWireSummary,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { shortScore } from "../run/failure-text.ts";
import { runSpending, spendingTexts } from "../run/spending-text.ts";
import { colorsFor } from "../terminal/colors.ts";

interface ResultsListOptions {
	readonly limit: number;
	readonly offset: number;
	readonly experiment?: string;
	readonly json?: boolean;
}

/** Lists runs, newest first. */
export async function resultsList(options: ResultsListOptions, context: Context): Promise<CommandResult> {
	const { limit, offset, experiment } = options;
	const { total, runs } = listRuns(context, { limit, offset, ...(experiment === undefined ? {} : { experiment }) });
	if (options.json) return { text: `${JSON.stringify({ total, runs: runs.map(toJson) }, null, 2)}\n`, exitCode: 0 };
	if (total === 0) return { text: "No runs yet. Run an eval: agentv eval run <eval>\n", exitCode: 0 };
	const colors = colorsFor(context.stdout);
	const width = Math.max(...runs.map(({ id }) => id.length), 3);
	const lines = runs.map(
		(run) => `${terminalSafeLine(run.id).padEnd(width)}  ${stateText(run, colors)}  ${colors.dim(whatText(run))}`,
	);
	const more =
		total > offset + runs.length
			? [colors.dim(`… ${total - offset - runs.length} more: --offset ${offset + runs.length}`)]
			: [];
	return { text: `${[...lines, ...more].join("\n")}\n`, exitCode: 0 };
}

function stateText({ state, summary, planned }: RunListItem, colors: ReturnType<typeof colorsFor>): string {
	if (!summary) return colors.yellow(state);
	const { passed, failed, errors } = summary;
	const mean = scoreMean(summary);
	const left = testsNotRun(summary);
	const text = [
		`${passed}/${planned} ${outcomeWords.passed}`,
		...(errors > 0 ? [`${errors} ${outcomeWords.error}`] : []),
		...(left > 0 ? [`${left} ${outcomeWords.not_run}`] : []),
		...(state === "unfinished" ? ["unfinished"] : []),
	].join(", ");
	const facts = [
		...(mean.lowerBound === null ? [] : [boundedMeanText(mean, shortScore)]),
		...spendingTexts(runSpending(summary)).slice(0, 1),
	];
	return [failed + errors > 0 ? colors.red(text) : colors.green(text), ...facts].join("  ");
}

function whatText({ evals, targets, shard }: RunListItem): string {
	const [first, ...others] = evals;
	const what = first ? `${first.file}${others.length > 0 ? ` and ${others.length} more` : ""}` : "";
	return terminalSafeLine(`${what} · ${targets.join(", ")}${shard ? ` · shard ${shard.index}/${shard.count}` : ""}`);
}

function toJson(run: RunListItem): object {
	const { id, directory, experiment, owner, state, startedAt, evals, targets, planned, shard, summary } = run;
	return {
		...{ id, directory, experiment, state, started_at: startedAt ?? null, planned, evals, targets },
		...(owner === undefined ? {} : { owner }),
		...(shard ? { shard } : {}),
		summary: summary ? toWireSummary(summary) : null,
	};
}
