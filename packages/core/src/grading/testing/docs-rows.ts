import { factsOfField, toWireKey } from "../../format/codec.ts";
import { graders } from "../graders/index.ts";

export const graderHeadings = ["type", "its fields", "score"];

/** Returns the rows of the table in docs/evals.md, without deprecated and unsupported fields. */
export function graderRows(): string[][] {
	return Object.values(graders).map(({ type, options, score }) => {
		const current = Object.entries(options).filter(([, field]) => {
			const { newer, unsupported } = factsOfField(field);
			return newer === undefined && !unsupported;
		});
		return [`\`${type}\``, current.map(([name]) => `\`${toWireKey(name)}\``).join(", "), score];
	});
}
