import type { z } from "zod";
import type { CouldNotRun, GraderServices, GraderUsage } from "../contract.ts";
import { addUsage } from "./add-usage.ts";
import { judgeInstructions } from "./judge-prompts.ts";
import { judgeReply } from "./judge-reply.ts";

export interface JudgeQuestion<Reply> {
	readonly target?: string | undefined;
	readonly prompt: string;
	/** The format of the reply: enforced on the model, and used for parsing. */
	readonly name: string;
	readonly jsonSchema: Readonly<Record<string, unknown>>;
	readonly reply: z.ZodType<Reply>;
	/** Keys of the format; an object without any of them is not the reply. */
	readonly keys: readonly string[];
	/** Returns a complaint about a well-formed but invalid reply. */
	readonly check?: (reply: Reply) => string | undefined;
}

export type JudgeAnswer<Reply> = { readonly reply: Reply; readonly usage: GraderUsage } | CouldNotRun;

/** The first question, and one more with what was wrong with the reply. */
const tries = 2;

const cutShort = {
	length: "its reply was truncated at the length limit",
	content_filter: "its reply was stopped by a content filter",
	refusal: "it refused to grade",
	max_turns: "it ran out of turns before it replied",
};

/** Asks at most twice; without a usable reply, the test is not graded. */
export async function askJudge<Reply>(
	question: JudgeQuestion<Reply>,
	services: GraderServices,
): Promise<JudgeAnswer<Reply>> {
	const said = (role: "system" | "user" | "assistant", text: string) => ({
		role,
		content: [{ type: "text" as const, text }],
	});
	const opening = [said("system", judgeInstructions), said("user", question.prompt)];
	let usage: GraderUsage | undefined;
	let complaint = "";
	let text = "";
	let messages = opening;
	for (let round = 0; round < tries; round += 1) {
		const asked = await services.askModel({
			messages,
			answerSchema: { name: question.name, schema: question.jsonSchema },
			isUsable: (answer) => "reply" in readReply(answer.text, question),
			...(question.target === undefined ? {} : { target: question.target }),
		});
		usage = addUsage(usage, asked.usage);
		// The runner has already retried transient errors.
		if (!asked.ok) return failed("model", `the grader model failed: ${asked.failure.message}`, usage);
		const { stopReason } = asked.answer;
		if (stopReason)
			return failed(stopReason.replace("_", "-"), `the grader model gave no verdict: ${cutShort[stopReason]}`, usage);
		text = asked.answer.text;
		const read = readReply(text, question);
		if ("reply" in read) return { reply: read.reply, usage: usage ?? asked.usage };
		complaint = read.complaint;
		messages = [
			...opening,
			said("assistant", text || "(nothing)"),
			said("user", `That reply cannot be used: it ${complaint}. Reply again, with the JSON object only.`),
		];
	}
	const message = `the grader model gave no usable reply in ${tries} tries: the last one ${complaint}; it was ${excerpt(text)}`;
	return failed("bad-reply", message, usage);
}

const longestExcerpt = 500;

function excerpt(text: string): string {
	return text.trim() === "" ? "empty" : JSON.stringify(text.trim().slice(-longestExcerpt));
}

function readReply<Reply>(
	text: string,
	{ reply: schema, keys, check }: JudgeQuestion<Reply>,
): { readonly reply: Reply } | { readonly complaint: string } {
	const found = judgeReply(text, keys);
	if ("complaint" in found) return found;
	const parsed = schema.safeParse(found.object);
	if (!parsed.success) {
		const issue = parsed.error.issues[0];
		const path = issue?.path.join(".") || "the object";
		return { complaint: `does not have the requested form: ${path}: ${issue?.message ?? "has another form"}` };
	}
	const complaint = check?.(parsed.data);
	return complaint === undefined ? { reply: parsed.data } : { complaint };
}

function failed(code: string, message: string, usage: GraderUsage | undefined): CouldNotRun {
	return { couldNotRun: { code, message }, ...(usage ? { usage } : {}) };
}
