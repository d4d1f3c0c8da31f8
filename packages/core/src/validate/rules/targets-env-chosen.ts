import type { Place } from "../../base/diagnostic.ts";
import { rule } from "../rule.ts";

interface Data {
	/** What is chosen: a target's name, as it stands today. */
	readonly chosen: string;
	readonly variables: readonly string[];
	readonly unset: boolean;
}

export const targetsEnvChosen = rule<Data>({
	id: "targets.env-chosen",
	group: "targets",
	severity: "warning",
	summary: "a variable that selects the target",
	docs: {
		why: "Users with different environments run different targets under one name, and their results are not comparable.",
		bad: `targets:
  - name: default
    use_target: \${{ AGENT_TARGET:-claude }}`,
		good: `targets:
  - name: default
    use_target: claude   # another one: agentv eval run --target codex`,
		mend: "Use a fixed target name, and select another one with `--target`; results record which one ran.",
	},
	message: ({ chosen, variables, unset }) =>
		unset
			? `the target can't be determined: ${variables.join(", ")} is not set`
			: `the target depends on ${variables.join(", ")} (currently ${chosen})`,
	*check({ loaded, targets, uses }) {
		const seen = new Set<string>();
		const variables = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
		if (variables.length === 0) return;
		for (const { choice, resolution } of uses) {
			const via = resolution.ok ? resolution.target.via : resolution.via;
			const steps: { name: string; at: Place }[] = [choice, ...via.flatMap((hop) => (hop.next ? [hop.next] : []))];
			for (const { name, at } of steps) {
				const here = variables.filter((variable) => isAt(variable.at, at));
				const key = `${at.file}\0${(at.path ?? []).join("\0")}`;
				if (here.length === 0 || seen.has(key)) continue;
				seen.add(key);
				const names = [...new Set(here.map((variable) => variable.name))];
				yield { data: { chosen: name, variables: names, unset: here.some(({ state }) => state === "unset") }, at };
			}
		}
	},
});

function isAt(a: Place, b: Place): boolean {
	return a.file === b.file && a.line === b.line && (a.path ?? []).join("\0") === (b.path ?? []).join("\0");
}
