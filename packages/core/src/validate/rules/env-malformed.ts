import type { Place } from "../../base/diagnostic.ts";
import { isProse } from "../prose-places.ts";
import { rule } from "../rule.ts";
import { isBelow, usedDefinitions } from "../used-variables.ts";

interface Data {
	readonly text: string;
	readonly mark: string;
	readonly prose: boolean;
}

export const envMalformed = rule<Data>({
	id: "env.malformed",
	group: "variables",
	severity: "error",
	summary: "text that looks like a variable reference but is not one (a warning in prose)",
	docs: {
		why: "It is not replaced. In a prompt that can be intended; as a path, name, URL or command it does not work.",
		bad: `target: \${{ env.TARGET }}`,
		good: `target: \${{ TARGET:-claude }}`,
		mend: "Write `${{ NAME }}` or `${{ NAME:-default }}`; `$${{` is a literal `${{`.",
	},
	message: ({ text, prose }) =>
		`${JSON.stringify(text)} looks like a variable reference but is not one${prose ? "; it is not replaced" : ""}`,
	hint: () => "write ${{ NAME }} or ${{ NAME:-default }}; $${{ is a literal ${{",
	*check(context) {
		for (const source of context.loaded.sources.values())
			for (const { text, at } of source.malformed) yield judged(text, at, false);
		for (const { file, part } of usedDefinitions(context))
			for (const { text, at } of context.targets.sources.get(file)?.malformed ?? [])
				if (isBelow(at.path, part.at.path)) yield judged(text, at, true);
	},
});

function judged(text: string, at: Place, inTarget: boolean) {
	const prose = isProse(at.path ?? [], inTarget);
	return { data: { text, mark: text, prose }, at, ...(prose ? { severity: "warning" as const } : {}) };
}
