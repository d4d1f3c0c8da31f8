import type { GraderQuestion, GraderReply, GraderServices } from "../contract.ts";

export interface ScriptedJudge {
	readonly askModel: GraderServices["askModel"];
	readonly questions: readonly GraderQuestion[];
}

/** Returns a grader model with scripted replies: a text, or an object as JSON. */
export function scriptedJudge(reply: (question: GraderQuestion, index: number) => unknown): ScriptedJudge {
	const questions: GraderQuestion[] = [];
	return {
		questions,
		async askModel(question): Promise<GraderReply> {
			questions.push(question);
			const said = reply(question, questions.length - 1);
			const text = typeof said === "string" ? said : JSON.stringify(said);
			const usage = { target: "judge", model: "m", tokenUsage: { input: 100, output: 10 }, costUsd: 0.001 };
			return { ok: true, usage, answer: { text, messages: [] } };
		},
	};
}

/** Returns the whole input of a grader model, in order. */
export function wholeQuestion({ messages }: GraderQuestion): string {
	return messages
		.flatMap(({ content }) => content.map((piece) => (piece.type === "text" ? piece.text : piece.path)))
		.join("\n\n");
}
