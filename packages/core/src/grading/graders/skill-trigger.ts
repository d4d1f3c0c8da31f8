import type { ToolCall } from "../../schema/message.ts";
import type { Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** Checks that the agent called its skill tool, or opened the skill's files. */
export const skillTrigger: Grader<"skill-trigger"> = {
	types: ["skill-trigger"],
	reproducible: () => true,
	grade({ settings: { skill, shouldTrigger = true } }, { toolCalls }) {
		const call = toolCalls.find((candidate) => triggers(candidate, skill));
		const text = shouldTrigger ? `the skill ${skill} is used` : `the skill ${skill} is not used`;
		const evidence = call ? `by the call of ${call.tool}` : `none of ${toolCalls.length} tool calls uses it`;
		return binaryScore((call !== undefined) === shouldTrigger, text, evidence);
	},
};

function triggers(call: ToolCall, skill: string): boolean {
	const isSkillTool = /(^|[_.-])skills?$/i.test(call.tool);
	return strings(call.input).some(
		(text) =>
			(isSkillTool && (text === skill || text.endsWith(`:${skill}`) || text.endsWith(`/${skill}`))) ||
			text.includes(`skills/${skill}/`) ||
			text.includes(`${skill}/SKILL.md`),
	);
}

function strings(value: unknown): string[] {
	if (typeof value === "string") return [value];
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}
