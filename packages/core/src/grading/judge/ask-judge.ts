import type { z } from "zod";
import type { CouldNotRun, GraderServices, GraderUsage } from "../contract.ts";
import { addUsage } from "./add-usage.ts";
import { jsonOf } from "./json-of.ts";
import { judgeInstructions } from "./judge-prompts.ts";

export interface JudgeQuestion<Reply> {
	/** `target` of the assertion. */
	readonly target?: string | undefined;
	readonly prompt: string;
	/** The form of the reply: what the model is held to, and what is read. */
	readonly name: string;
	readonly jsonSchema: Readonly<Record<string, unknown>>;
	readonly reply: z.ZodType<Reply>;
	/** A complaint about a reply that has the form but not the sense. */
	readonly check?: (reply: Reply) => string | undefined;
}

export type JudgeAnswer<Reply> = { readonly reply: Reply; readonly usage: GraderUsage } | CouldNotRun;

const tries = 3;

/** Asks the judge up to three times for a reply of the wanted form; then the test could not be judged, which is never a low score. */
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
	let messages = opening;
	for (let round = 0; round < tries; round += 1) {
		const asked = await services.askModel({
			messages,
			answerSchema: { name: question.name, schema: question.jsonSchema },
			...(question.target === undefined ? {} : { target: question.target }),
		});
		usage = addUsage(usage, asked.usage);
		// Whatever may pass has been tried again by the runner.
		if (!asked.ok) return failed("model", `the grader model failed: ${asked.failure.message}`, usage);
		const { text } = asked.answer;
		const read = readReply(text, question);
		if ("reply" in read) return { reply: read.reply, usage: usage ?? asked.usage };
		complaint = read.complaint;
		messages = [
			...opening,
			said("assistant", text || "(nothing)"),
			said("user", `That reply cannot be used: ${complaint}. Reply again, with the JSON object only.`),
		];
	}
	return failed("bad-reply", `the grader model gave no usable reply in ${tries} tries: ${complaint}`, usage);
}

function readReply<Reply>(
	text: string,
	{ reply: schema, check }: JudgeQuestion<Reply>,
): { readonly reply: Reply } | { readonly complaint: string } {
	const value = jsonOf(text);
	if (value === undefined) return { complaint: "it holds no JSON object" };
	const parsed = schema.safeParse(value);
	if (!parsed.success) {
		const issue = parsed.error.issues[0];
		return { complaint: `${issue?.path.join(".") || "the object"}: ${issue?.message ?? "has another form"}` };
	}
	const complaint = check?.(parsed.data);
	return complaint === undefined ? { reply: parsed.data } : { complaint };
}

function failed(code: string, message: string, usage: GraderUsage | undefined): CouldNotRun {
	return { couldNotRun: { code, message }, ...(usage ? { usage } : {}) };
}
