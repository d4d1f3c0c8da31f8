import { type DoctorGroup, type DoctorItem, doctorGroups, terminalSafeLine } from "@agentv/core";
import type { CommandResult, Output } from "../context.ts";
import { type Colors, colorsFor } from "./terminal.ts";

const titles: Readonly<Record<DoctorGroup, string>> = {
	machine: "This machine",
	home: "AgentV's home and benchmarks",
	evals: "Evals",
	programs: "Programs",
	targets: "Targets",
	variables: "Variables",
	storage: "Storage",
	online: "Online",
};

const longestName = 28;

/** Lists the checks by group, each problem with its fix. Exits 1 if something is missing. */
export function doctorText(items: readonly DoctorItem[], output: Output): CommandResult {
	const colors = colorsFor(output);
	const names = items.map(({ name }) => terminalSafeLine(name).length).filter((length) => length <= longestName);
	const width = Math.max(0, ...names);
	const groups = doctorGroups.flatMap((group) => {
		const own = fewNotes(items.filter((item) => item.group === group));
		if (own.length === 0) return [];
		return [colors.bold(titles[group]), ...own.flatMap((item) => itemLines(item, width, output, colors)), ""];
	});
	const problems = items.filter(({ state }) => state === "problem").length;
	return { text: [...groups, verdict(items, problems, colors), ""].join("\n"), exitCode: problems > 0 ? 1 : 0 };
}

const mostNotes = 4;

/** Merges many notes on unused targets into one line. */
function fewNotes(items: readonly DoctorItem[]): readonly DoctorItem[] {
	const notes = items.filter(({ state, group }) => state === "note" && group === "targets");
	if (notes.length <= mostNotes) return items;
	const says = `not used by these evals: ${notes.map(({ name }) => name).join(", ")}`;
	const action = "`agentv doctor --target <name>` checks one of them";
	const others: DoctorItem = { group: "targets", name: `${notes.length} more`, state: "note", says, action };
	return [...items.filter((item) => !notes.includes(item)), others];
}

function itemLines(item: DoctorItem, width: number, output: Output, colors: Colors): string[] {
	const { name, says, action, state } = item;
	const columns = output.isTTY ? output.columns : Number.POSITIVE_INFINITY;
	const head = `  ${mark(item, colors)} ${terminalSafeLine(name).padEnd(width)}  `;
	const lines = hanging(terminalSafeLine(says), width + 6, columns);
	const next = action === undefined ? [] : hanging(`→ ${terminalSafeLine(action)}${neededBy(item)}`, 6, columns);
	// A long name gets its own line.
	const first = name.length > width ? [head.trimEnd(), `${" ".repeat(6)}${lines.join("")}`] : [head + (lines[0] ?? "")];
	const rest = name.length > width ? [] : lines.slice(1).map((line) => `${" ".repeat(width + 6)}${line}`);
	const shown = [...first, ...rest];
	return [
		...(state === "note" ? shown.map((line) => colors.dim(line)) : shown),
		...next.map((line) => `      ${state === "note" ? colors.dim(line) : colors.cyan(line)}`),
	];
}

function mark({ state }: DoctorItem, colors: Colors): string {
	if (state === "ok") return colors.green("✓");
	if (state === "note") return "·";
	return state === "warning" ? colors.yellow("⚠") : colors.red("✗");
}

function neededBy({ neededBy: all = [], state }: DoctorItem): string {
	if (all.length === 0 || state !== "problem") return "";
	const more = all.length > 2 ? ` and ${all.length - 2} more` : "";
	return ` (for ${all.slice(0, 2).map(terminalSafeLine).join(", ")}${more})`;
}

/** Wraps text to `columns` minus `indent`; long words are not broken. */
function hanging(text: string, indent: number, columns: number): string[] {
	const width = Math.max(20, columns - indent);
	const lines: string[] = [];
	for (const word of text.split(" ")) {
		const last = lines.at(-1);
		if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
		else lines.push(word);
	}
	return lines;
}

function verdict(items: readonly DoctorItem[], problems: number, colors: Colors): string {
	const warnings = items.filter(({ state }) => state === "warning").length;
	const counted = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;
	if (problems > 0) return colors.red(`${counted(problems, "problem")}, ${counted(warnings, "warning")}.`);
	return warnings > 0
		? colors.yellow(`No problems, ${counted(warnings, "warning")}.`)
		: colors.green("No problems found.");
}

/** Schema: docs/schemas/doctor-output.schema.json. */
export function doctorJson(items: readonly DoctorItem[]): CommandResult {
	const count = (wanted: DoctorItem["state"]) => items.filter(({ state }) => state === wanted).length;
	const problems = count("problem");
	const document = {
		items: items.map(({ group, name, state, says, action, neededBy }) => {
			return { group, name, state, says, action: action ?? null, needed_by: neededBy ?? [] };
		}),
		summary: { problems, warnings: count("warning") },
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: problems > 0 ? 1 : 0 };
}
