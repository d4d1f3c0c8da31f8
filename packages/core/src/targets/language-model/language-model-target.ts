import type { LanguageModel } from "ai";
import type { ProviderSettings } from "../../schema/target-file.ts";
import type { Target, TargetAnswer, TargetOutcome, TargetProblem, TargetRequest, TokenUsage } from "../contract.ts";
import { callFailure } from "./call-failure.ts";
import { toModelMessages } from "./model-messages.ts";
import { costOf } from "./price.ts";

/** The settings that all language model providers share. */
export type ModelSettings = ProviderSettings<"openai">;

/** What one provider adds to the common target: how its model is made, and what it cannot do without. */
export interface ModelDoor {
	/** Says what is missing, before any test starts. */
	problem(): TargetProblem | undefined;
	/** Makes the model; imports the provider's part of the SDK when it is first called. */
	open(): Promise<LanguageModel>;
}

/**
 * A target that is one call of a language model. Text files are given as text, images and other files as content parts;
 * a failing call says whether it may pass later, and the runner retries.
 */
export function languageModelTarget(settings: ModelSettings, door: ModelDoor): Target {
	let model: Promise<LanguageModel> | undefined;
	const opened = () => {
		model ??= door.open();
		return model;
	};
	return {
		check: async () => door.problem(),
		describe: async () => ({ model: settings.model ?? settings.deployment ?? "" }),
		invoke: async (request) => {
			try {
				return { ok: true, answer: await ask(await opened(), settings, request) };
			} catch (error) {
				return { ok: false, failure: callFailure(error, request.signal) } satisfies TargetOutcome;
			}
		},
	};
}

async function ask(model: LanguageModel, settings: ModelSettings, request: TargetRequest): Promise<TargetAnswer> {
	const { generateText, jsonSchema, Output } = await import("ai");
	const { answerSchema } = request;
	const maxOutputTokens = settings.maxOutputTokens ?? settings.maxTokens;
	const result = await generateText({
		model,
		messages: await toModelMessages(request.messages, settings.systemPrompt),
		maxRetries: 0, // one kind of retrying, the runner's, for every target
		abortSignal: request.signal,
		allowSystemInMessages: true,
		...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
		...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
		...(settings.topP === undefined ? {} : { topP: settings.topP }),
		...(answerSchema
			? { output: Output.object({ schema: jsonSchema(answerSchema.schema), name: answerSchema.name }) }
			: {}),
	});
	const { usage, response } = result;
	const tokenUsage = usageOf(usage);
	const costUsd = costOf(response.body, tokenUsage, settings.pricing);
	return {
		text: result.text,
		messages: [{ role: "assistant", content: result.text }],
		llmCalls: 1,
		metadata: {
			model: response.modelId,
			finish_reason: result.finishReason,
			...(response.id ? { request_id: response.id } : {}),
		},
		...(tokenUsage ? { tokenUsage } : {}),
		...(costUsd === undefined ? {} : { costUsd }),
	};
}

interface SdkUsage {
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly inputTokenDetails?: { readonly cacheReadTokens?: number | undefined };
	readonly outputTokenDetails?: { readonly reasoningTokens?: number | undefined };
}

function usageOf(usage: SdkUsage): TokenUsage | undefined {
	if (usage.inputTokens === undefined && usage.outputTokens === undefined) return undefined;
	const cached = usage.inputTokenDetails?.cacheReadTokens;
	const reasoning = usage.outputTokenDetails?.reasoningTokens;
	return {
		input: usage.inputTokens ?? 0,
		output: usage.outputTokens ?? 0,
		...(cached === undefined ? {} : { cached }),
		...(reasoning === undefined ? {} : { reasoning }),
	};
}
