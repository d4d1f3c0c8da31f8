import type { Grade, GraderServices } from "../contract.ts";
import { askJudge } from "./ask-judge.ts";
import { scoreReply, scoreReplyKeys, scoreReplySchema } from "./score-reply.ts";

/** Asks a grader model for one score with reasons. */
export async function judgeScore(prompt: string, target: string | undefined, services: GraderServices): Promise<Grade> {
	const answer = await askJudge(
		{ target, prompt, name: "grade", jsonSchema: scoreReplySchema, reply: scoreReply, keys: scoreReplyKeys },
		services,
	);
	if ("couldNotRun" in answer) return answer;
	const { score, assertions, reasoning, details } = answer.reply;
	const findings = (assertions ?? []).map(({ text, passed, evidence }) => ({
		text,
		passed,
		...(evidence ? { evidence } : {}),
	}));
	return {
		score,
		assertions:
			findings.length > 0
				? findings
				: [
						{
							text: "the answer meets the criteria",
							passed: score >= 0.5,
							...(reasoning ? { evidence: reasoning } : {}),
						},
					],
		usage: answer.usage,
		...(reasoning || details ? { details: { ...(reasoning ? { reasoning } : {}), ...details } } : {}),
	};
}
