import { readJson } from "../../base/read-json.ts";
import { count, given, record, text as textOf } from "../agent/event-fields.ts";
import type { TargetAnswer } from "../contract.ts";
import { costOf, type Pricing } from "../price.ts";

/** The parts of OpenAI's responses that report a refusal separately from the text. */
interface OpenAiBody {
	readonly choices?: readonly { readonly message?: { readonly refusal?: unknown } }[];
	readonly output?: readonly {
		readonly content?: readonly { readonly type?: unknown; readonly refusal?: unknown }[];
	}[];
}

/** The SDK drops the refusal, so read it from the response body. */
export function refusalIn(body: unknown): string | undefined {
	if (typeof body !== "object" || body === null) return undefined;
	const { choices, output } = body as OpenAiBody;
	const said: unknown[] = [
		...(Array.isArray(choices) ? [(choices as OpenAiBody["choices"])?.[0]?.message?.refusal] : []),
		...(Array.isArray(output)
			? (output as NonNullable<OpenAiBody["output"]>).flatMap(({ content }) =>
					Array.isArray(content) ? content.map((part) => part?.refusal) : [],
				)
			: []),
	];
	const texts = said.filter((text) => typeof text === "string" && text !== "");
	return texts.length === 0 ? undefined : texts.join("\n");
}

/** Some versions of the SDK can't parse a valid response with a refusal. */
export function refusedAnswer(error: unknown, pricing: Pricing | undefined): TargetAnswer | undefined {
	const { responseBody } = error as { readonly responseBody?: unknown };
	const read = typeof responseBody === "string" ? readJson(responseBody) : undefined;
	const body = read && "value" in read ? read.value : undefined;
	const text = refusalIn(body);
	if (text === undefined) return undefined;
	const { id, model, usage } = record(body);
	const counts = record(usage);
	const input = count(counts.input_tokens);
	const output = count(counts.output_tokens);
	const cached = count(record(counts.input_tokens_details).cached_tokens);
	const reasoning = count(record(counts.output_tokens_details).reasoning_tokens);
	const known = input !== undefined && output !== undefined;
	const tokenUsage = known
		? { input, output, ...given("cached", cached), ...given("reasoning", reasoning) }
		: undefined;
	return {
		text,
		messages: [{ role: "assistant", content: text }],
		llmCalls: 1,
		stopReason: "refusal",
		metadata: { finish_reason: "stop", ...given("model", textOf(model)), ...given("request_id", textOf(id)) },
		...given("tokenUsage", tokenUsage),
		...given("costUsd", costOf(body, tokenUsage, pricing)),
	};
}
