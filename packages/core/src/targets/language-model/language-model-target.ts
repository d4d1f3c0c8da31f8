import type { LanguageModelV3, LanguageModelV3GenerateResult, SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { StopReason } from "../../schema/result-row.ts";
import type { ProviderSettings } from "../../schema/target-file.ts";
import type { Target, TargetAnswer, TargetOutcome, TargetProblem, TargetRequest, TokenUsage } from "../contract.ts";
import { costOf } from "../price.ts";
import { stopReasonOf } from "../stop-reason.ts";
import { callFailure } from "./call-failure.ts";
import { toModelPrompt } from "./model-prompt.ts";
import { refusalIn, refusedAnswer } from "./refusal.ts";

export type ModelSettings = ProviderSettings<"openai">;

/** A provider's part of a language model target: creating its model, and its requirements. */
export interface ModelDoor {
	/** Returns what is missing, before any test starts. */
	problem(): TargetProblem | undefined;
	/** Creates the model; imports the provider's part of the SDK on first call. */
	open(): Promise<LanguageModelV3>;
	/** Settings that only this provider's part of the SDK supports. */
	readonly options?: SharedV3ProviderOptions;
}

/**
 * A target that is one call of a language model. Text files are passed as text, images and other
 * files as content parts. A failure says whether to retry, and the runner does: the SDK's own
 * retries are off.
 */
export function languageModelTarget(settings: ModelSettings, door: ModelDoor): Target {
	let model: Promise<LanguageModelV3> | undefined;
	const opened = () => {
		model ??= door.open();
		return model;
	};
	const form: AnswerForm = { refused: false };
	return {
		async check() {
			const problem = door.problem();
			// Load the SDK before the first test, so that no test's time includes it.
			if (!problem) await opened();
			return problem;
		},
		describe: async () => ({ model: settings.model ?? settings.deployment ?? "" }),
		async invoke(request): Promise<TargetOutcome> {
			try {
				const result = await ask(await opened(), settings, door.options, request, form);
				return answerOf(result, settings);
			} catch (error) {
				const refused = refusedAnswer(error, settings.pricing);
				return refused ? { ok: true, answer: refused } : { ok: false, failure: callFailure(error, request.signal) };
			}
		},
	};
}

/** Whether the server rejected structured output; the rest of the run then does without. */
interface AnswerForm {
	refused: boolean;
}

async function ask(
	model: LanguageModelV3,
	settings: ModelSettings,
	providerOptions: SharedV3ProviderOptions | undefined,
	request: TargetRequest,
	form: AnswerForm,
): Promise<LanguageModelV3GenerateResult> {
	const { answerSchema } = request;
	const maxOutputTokens = settings.maxOutputTokens ?? settings.maxTokens;
	const call = {
		prompt: toModelPrompt(request.messages, settings.systemPrompt),
		abortSignal: request.signal,
		...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
		...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
		...(settings.topP === undefined ? {} : { topP: settings.topP }),
		...(providerOptions ? { providerOptions } : {}),
	};
	if (!answerSchema || form.refused) return model.doGenerate(call);
	const responseFormat = { type: "json" as const, name: answerSchema.name, schema: answerSchema.schema };
	try {
		return await model.doGenerate({ ...call, responseFormat });
	} catch (error) {
		// Some compatible servers don't support schemas. The prompt also describes the format.
		const { statusCode } = error as { statusCode?: number };
		if ((statusCode !== 400 && statusCode !== 422) || request.signal.aborted) throw error;
		const result = await model.doGenerate(call);
		form.refused = true;
		return result;
	}
}

function answerOf(
	{ content, usage, response, finishReason, warnings }: LanguageModelV3GenerateResult,
	{ pricing }: ModelSettings,
): TargetOutcome {
	const said = content.map((part) => (part.type === "text" ? part.text : "")).join("");
	const refusal = refusalIn(response?.body);
	const text = said || refusal || "";
	const stopReason = refusal === undefined ? stopOf(finishReason) : "refusal";
	const tokenUsage = usageOf(usage);
	const costUsd = costOf(response?.body, tokenUsage, pricing);
	const model = response?.modelId ?? (response?.body as { modelVersion?: string } | undefined)?.modelVersion;
	const ignored = warnings.flatMap((warning) => ("feature" in warning ? [warning.feature] : []));
	const answer: TargetAnswer = {
		text,
		messages: [{ role: "assistant", content: text }],
		llmCalls: 1,
		...(stopReason ? { stopReason } : {}),
		metadata: {
			finish_reason: finishReason.unified,
			...(model ? { model } : {}),
			...(response?.id ? { request_id: response.id } : {}),
			...(ignored.length > 0 ? { ignored_settings: ignored } : {}),
		},
		...(tokenUsage ? { tokenUsage } : {}),
		...(costUsd === undefined ? {} : { costUsd }),
	};
	// A refusal or truncated answer has a finish reason; an empty one without a known reason is not
	// an answer.
	const nothing = text === "" && !stopReason && (finishReason.unified === "error" || finishReason.unified === "other");
	return nothing ? noAnswer(finishReason.raw, answer) : { ok: true, answer };
}

function stopOf({ raw, unified }: LanguageModelV3GenerateResult["finishReason"]): StopReason | undefined {
	return stopReasonOf(raw) ?? stopReasonOf(unified);
}

function noAnswer(reason: string | undefined, partial: TargetAnswer): TargetOutcome {
	const message = `the model ended without an answer${reason ? ` (${reason})` : ""}`;
	return { ok: false, failure: { code: "bad-answer", message, retryable: true, causedBy: "agent", partial } };
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV3GenerateResult["usage"]): TokenUsage | undefined {
	// One without the other doesn't determine the sum.
	if (inputTokens.total === undefined || outputTokens.total === undefined) return undefined;
	return {
		input: inputTokens.total,
		output: outputTokens.total,
		...(inputTokens.cacheRead === undefined ? {} : { cached: inputTokens.cacheRead }),
		...(outputTokens.reasoning === undefined ? {} : { reasoning: outputTokens.reasoning }),
	};
}
