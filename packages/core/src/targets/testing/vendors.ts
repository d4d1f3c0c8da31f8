import type { Provider, Target } from "../contract.ts";
import { anthropic } from "../providers/anthropic.ts";
import { azure } from "../providers/azure.ts";
import { gemini } from "../providers/gemini.ts";
import { openai } from "../providers/openai.ts";
import { openrouter } from "../providers/openrouter.ts";
import type { SeenRequest } from "./model-server.ts";
import { targetFrom } from "./target-from.ts";

/** Shapes as the vendors' servers send them. */
export interface Vendor {
	readonly name: string;
	/** Returns a target that calls a server at `url`. */
	readonly target: (url: string, more?: Readonly<Record<string, unknown>>) => Target;
	readonly path: string;
	readonly keyHeader: readonly [name: string, value: string];
	/** Returns a response with `text`, of 120 tokens in (20 of them cached) and 30 out. */
	readonly answer: (text: string) => unknown;
	/** Returns an error as the vendor formats it. */
	readonly error: (message: string) => unknown;
	/** Returns the model's input, as JSON text. */
	readonly told: (request: SeenRequest) => string;
	/** Returns the requested output token limit. */
	readonly outputLimit: (request: SeenRequest) => unknown;
}

export const key = "sk-test-0123456789abcdef";

const openaiError = (message: string) => ({ error: { message, type: "server_error", param: null, code: null } });

const chatAnswer = (text: string) => ({
	id: "chatcmpl-1",
	object: "chat.completion",
	created: 1_741_569_952,
	model: "model-2026-01-01",
	choices: [
		{ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: "stop" },
	],
	usage: {
		prompt_tokens: 120,
		completion_tokens: 30,
		total_tokens: 150,
		prompt_tokens_details: { cached_tokens: 20, audio_tokens: 0 },
		completion_tokens_details: { reasoning_tokens: 10, audio_tokens: 0 },
	},
	service_tier: "default",
});

const responsesAnswer = (text: string) => ({
	id: "resp_1",
	object: "response",
	created_at: 1_741_476_542,
	status: "completed",
	error: null,
	incomplete_details: null,
	instructions: null,
	model: "model-2026-01-01",
	output: [
		{ type: "reasoning", id: "rs_1", summary: [] },
		{
			type: "message",
			id: "msg_1",
			status: "completed",
			role: "assistant",
			content: [{ type: "output_text", text, annotations: [] }],
		},
	],
	usage: {
		input_tokens: 120,
		input_tokens_details: { cached_tokens: 20 },
		output_tokens: 30,
		output_tokens_details: { reasoning_tokens: 10 },
		total_tokens: 150,
	},
});

const messagesAnswer = (text: string) => ({
	id: "msg_1",
	type: "message",
	role: "assistant",
	model: "model-2026-01-01",
	content: [{ type: "text", text }],
	stop_reason: "end_turn",
	stop_sequence: null,
	usage: { input_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 20, output_tokens: 30 },
});

const geminiAnswer = (text: string) => ({
	candidates: [{ content: { parts: [{ text }], role: "model" }, finishReason: "STOP", index: 0 }],
	usageMetadata: {
		promptTokenCount: 120,
		candidatesTokenCount: 20,
		thoughtsTokenCount: 10,
		cachedContentTokenCount: 20,
		totalTokenCount: 150,
	},
	modelVersion: "model-2026-01-01",
	responseId: "r-1",
});

const common = { api_key: key, model: "model" };
const from =
	(provider: Provider, settings: (url: string) => Readonly<Record<string, unknown>>) =>
	(url: string, more: Readonly<Record<string, unknown>> = {}) =>
		targetFrom(provider, { ...common, ...settings(url), ...more });

const bearer = ["authorization", `Bearer ${key}`] as const;
const toldIn = (field: string) => (request: SeenRequest) => JSON.stringify(request.body[field]);

export const vendors: readonly Vendor[] = [
	{
		name: "openai (chat completions)",
		target: from(openai, (url) => ({ base_url: `${url}/v1` })),
		path: "/v1/chat/completions",
		keyHeader: bearer,
		answer: chatAnswer,
		error: openaiError,
		told: toldIn("messages"),
		outputLimit: ({ body }) => body["max_tokens"],
	},
	{
		name: "openai (responses)",
		target: from(openai, (url) => ({ base_url: `${url}/v1`, api_format: "responses" })),
		path: "/v1/responses",
		keyHeader: bearer,
		answer: responsesAnswer,
		error: openaiError,
		told: toldIn("input"),
		outputLimit: ({ body }) => body["max_output_tokens"],
	},
	{
		name: "azure (responses)",
		target: from(azure, (url) => ({ base_url: url })),
		path: "/openai/v1/responses",
		keyHeader: ["api-key", key],
		answer: responsesAnswer,
		error: openaiError,
		told: toldIn("input"),
		outputLimit: ({ body }) => body["max_output_tokens"],
	},
	{
		name: "azure (dated version, chat completions)",
		target: from(azure, (url) => ({ base_url: `${url}/openai/`, api_version: "2024-10-21", deployment: "mine" })),
		path: "/openai/deployments/mine/chat/completions?api-version=2024-10-21",
		keyHeader: ["api-key", key],
		answer: chatAnswer,
		error: openaiError,
		told: toldIn("messages"),
		outputLimit: ({ body }) => body["max_tokens"],
	},
	{
		name: "openrouter",
		target: from(openrouter, (url) => ({ base_url: `${url}/api/v1` })),
		path: "/api/v1/chat/completions",
		keyHeader: bearer,
		answer: (text) => ({ ...chatAnswer(text), usage: { ...chatAnswer(text).usage, cost: 0.0125 } }),
		error: (message) => ({ error: { code: 429, message, metadata: {} } }),
		told: toldIn("messages"),
		outputLimit: ({ body }) => body["max_tokens"],
	},
	{
		name: "anthropic",
		target: from(anthropic, (url) => ({ base_url: url })),
		path: "/v1/messages",
		keyHeader: ["x-api-key", key],
		answer: messagesAnswer,
		error: (message) => ({ type: "error", error: { type: "overloaded_error", message } }),
		told: ({ body }) => JSON.stringify([body["system"], body["messages"]]),
		outputLimit: ({ body }) => body["max_tokens"],
	},
	{
		name: "gemini",
		target: from(gemini, (url) => ({ base_url: url })),
		path: "/v1beta/models/model:generateContent",
		keyHeader: ["x-goog-api-key", key],
		answer: geminiAnswer,
		error: (message) => ({ error: { code: 429, message, status: "RESOURCE_EXHAUSTED" } }),
		told: ({ body }) => JSON.stringify([body["systemInstruction"], body["contents"]]),
		outputLimit: ({ body }) => (body["generationConfig"] as Record<string, unknown>)["maxOutputTokens"],
	},
];
