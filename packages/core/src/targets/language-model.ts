import { isUtf8 } from "node:buffer";
import type {
	LanguageModelV3,
	LanguageModelV3FilePart,
	LanguageModelV3GenerateResult,
	LanguageModelV3Message,
	LanguageModelV3TextPart,
	SharedV3ProviderOptions,
} from "@ai-sdk/provider";
import type { z } from "zod";
import { wireObject } from "../format/codec.ts";
import type { StopReason } from "../format/run-file.ts";
import { commonSettings, lacking, type ModelSettings, modelSettings } from "../format/target-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { lookUp } from "../lib/interpolate.ts";
import { readJson } from "../lib/json.ts";
import type { Environment } from "../machine/environment.ts";
import { answerTooLong, impossibleStatus, postHttp } from "../machine/http.ts";
import { readBytes } from "../machine/read-file.ts";
import {
	costOf,
	type Definition,
	known,
	type ModelFacts,
	type Pricing,
	type Provider,
	type RequestMessage,
	type RequestPiece,
	stopReasonOf,
	type Target,
	type TargetAnswer,
	type TargetFailure,
	type TargetOutcome,
	type TargetProblem,
	type TargetRequest,
	type TokenUsage,
	tooLarge,
} from "./contract.ts";
import { count, record, text as textOf } from "./read-answer.ts";

const noSuchSetting = "remove it: this provider has no such setting";

/** Makes the settings of `names` errors. */
export function settingsWithout(...names: readonly (keyof typeof modelSettings)[]) {
	return { ...commonSettings, ...lacking(modelSettings, noSuchSetting, names) };
}

/** For models with one API and one address. */
export const plainModelSettings = wireObject(
	settingsWithout("resourceName", "deployment", "version", "apiVersion", "apiFormat"),
);

interface ModelDoor {
	readonly settings: ModelSettings;
	/** Its `deployment` or `model`. */
	readonly model: string;
	/** Its `base_url`, else the vendor's own. */
	readonly address: string;
	readonly isOwnServer: boolean;
	readonly sdk: { apiKey: string; fetch: typeof globalThis.fetch; headers?: Record<string, string> };
}

interface ModelDefinition<Name extends string, Settings extends z.ZodType<ModelSettings>>
	extends Definition<Name, Settings>,
		Omit<ModelFacts, "kind"> {
	/** Maps `reasoning_effort` to the SDK's options. */
	reasoning(effort: string): SharedV3ProviderOptions;
	open(door: ModelDoor): Promise<LanguageModelV3>;
}

/** Passes text files as text, other files as content parts. The runner retries, not the SDK. */
export function modelProvider<const Name extends string, Settings extends z.ZodType<ModelSettings>>(
	definition: ModelDefinition<Name, Settings>,
): Provider<Name, Settings> & ModelFacts {
	return {
		...{ needs: "`model`, `api_key`", cost: "`pricing`", ...definition, kind: "model" },
		create: ({ name, settings }, { env }) => modelTarget(definition, name, settings, env),
	};
}

function modelTarget(
	definition: ModelDefinition<string, z.ZodType<ModelSettings>>,
	name: string,
	settings: ModelSettings,
	env: Environment,
): Target {
	const { reasoningEffort, headers } = settings;
	const { address, isOwnServer, apiKey } = modelAddress(definition, settings, env);
	const model = settings.deployment ?? settings.model ?? "";
	const sdk = { apiKey: apiKey ?? "", fetch: postHttp, ...(headers ? { headers } : {}) };
	const options = reasoningEffort === undefined ? undefined : definition.reasoning(reasoningEffort);
	const form: AnswerForm = { refused: false };
	let opening: Promise<LanguageModelV3> | undefined;
	const open = () => {
		opening ??= definition.open({ settings, model, address: address ?? "", isOwnServer, sdk });
		return opening;
	};
	return {
		async check() {
			const problem = problemOf(definition, { model, address, apiKey, isOwnServer });
			if (problem) return { ...problem, message: `target ${JSON.stringify(name)} ${problem.message}` };
			// Load the SDK before the first test, so that no test's time includes it.
			await open();
			return undefined;
		},
		describe: async () => ({ model: settings.model ?? settings.deployment ?? "" }),
		async invoke(request): Promise<TargetOutcome> {
			try {
				return answerOf(await ask(await open(), settings, options, request, form), settings);
			} catch (error) {
				const refused = refusedAnswer(error, settings.pricing);
				return refused ? { ok: true, answer: refused } : { ok: false, failure: callFailure(error, request.signal) };
			}
		},
	};
}

interface ModelAddress {
	readonly address: string | undefined;
	readonly isOwnServer: boolean;
	readonly apiKey: string | undefined;
}

/** A key must not go to a server that an eval names, only to the vendor's own addresses. */
function modelAddress(
	{ address, keys, resourceVariable }: Omit<ModelFacts, "kind">,
	settings: ModelSettings,
	env: Environment,
): ModelAddress {
	// `${{ URL:-}}` can be empty, which selects the vendor's own address.
	const configured = settings.baseUrl || settings.endpoint || undefined;
	const resource = resourceVariable && (settings.resourceName ?? env[resourceVariable]);
	const own = resource ? address.replace("//", `//${resource}.`) : address;
	const hasOwn = resourceVariable === undefined || Boolean(resource);
	const vendorKey = keys.map((key) => env[key]).find((value) => value !== undefined);
	const getsVendorKey = configured === undefined || resourceVariable !== undefined;
	return {
		address: configured ?? (hasOwn ? own : undefined),
		isOwnServer: configured !== undefined,
		apiKey: settings.apiKey ?? (getsVendorKey ? vendorKey : undefined),
	};
}

/** Reports what would fail every test; the message completes a sentence about the target. */
function problemOf(
	{ keys, recommendedKey: key = keys[0], resourceVariable }: Omit<ModelFacts, "kind">,
	{ model, address, apiKey, isOwnServer }: ModelAddress & { readonly model: string },
): TargetProblem | undefined {
	if (model === "") return { message: "has no model", hint: "add `model: …`" };
	if (address === undefined)
		return { message: "does not specify the Azure resource", hint: "add `base_url` or `resource_name`" };
	const url = URL.canParse(address) ? new URL(address) : undefined;
	if (url?.protocol !== "http:" && url?.protocol !== "https:") {
		const hint = "it must begin with http:// or https://";
		return { message: "has a `base_url` that is not a web address", hint };
	}
	if (apiKey || (isOwnServer && resourceVariable === undefined)) return undefined;
	return { message: "has no api_key", hint: `set ${key}, or add to the target \`api_key: \${{ ${key} }}\`` };
}

/** Whether the server rejected structured output, so that the rest of the run omits it. */
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
		...known({ maxOutputTokens, temperature: settings.temperature, topP: settings.topP, providerOptions }),
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
	const answer = textAnswer(text, known({ stopReason, tokenUsage, costUsd }), {
		finish_reason: finishReason.unified,
		model: model || undefined,
		request_id: response?.id || undefined,
		ignored_settings: ignored.length > 0 ? ignored : undefined,
	});
	// An empty answer without a finish reason or with an unknown one is not an answer.
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
		...known({ cached: inputTokens.cacheRead, reasoning: outputTokens.reasoning }),
	};
}

interface CallError {
	readonly name: string;
	readonly message: string;
	readonly statusCode?: number;
	readonly responseHeaders?: Readonly<Record<string, string>>;
	readonly cause?: unknown;
}

const passingCodes = new Set([
	"ECONNRESET",
	"ECONNREFUSED",
	"ECONNABORTED",
	"EPIPE",
	"ETIMEDOUT",
	"EAI_AGAIN",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"UND_ERR_SOCKET",
	"UND_ERR_HEADERS_TIMEOUT",
	"UND_ERR_BODY_TIMEOUT",
	"UND_ERR_CONNECT_TIMEOUT",
	"UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);
const maxMessageLength = 2000;
const ofServer = { causedBy: "provider", retryable: true } as const;

/** Retries can help for 429, 5xx, resets and stalls, but not for a rejected request. */
export function callFailure(thrown: unknown, signal: AbortSignal): TargetFailure {
	if (signal.aborted) return stopped(signal);
	const error = thrown as CallError;
	const status = error.statusCode;
	// A truncated body is an SDK error with its original status; the actual problem is its cause.
	if (status !== undefined && (status < 200 || status > 299)) return httpFailure(error, status);
	const code = systemCode(error);
	if (code !== undefined && passingCodes.has(code))
		return { ...ofServer, code: "network", message: `the connection failed (${code})` };
	if (code === answerTooLong) return tooLarge(`could not be parsed: ${deepest(error)}`);
	if (code === impossibleStatus || code?.startsWith("HPE_"))
		return { ...ofServer, code: "bad-answer", message: `the server's response could not be parsed: ${deepest(error)}` };
	const network = code === undefined && /fetch failed|socket hang up|terminated|other side closed/i.test(error.message);
	if (network) return { ...ofServer, code: "network", message: `the connection failed: ${deepest(error)}` };
	// The SDK throws a TypeError of its own for valid responses with unexpected content.
	const stumbled = thrown instanceof TypeError && code === undefined;
	if (
		stumbled ||
		status !== undefined ||
		/JSONParse|TypeValidation|InvalidResponse|EmptyResponse|NoContent/.test(error.name)
	)
		return { ...ofServer, code: "bad-answer", message: `the server's response could not be parsed: ${said(error)}` };
	if (/Unsupported|InvalidPrompt|InvalidArgument/.test(error.name))
		return { code: "unsupported", message: said(error), retryable: false };
	if (thrown instanceof AgentvError) return { code: thrown.code, message: said(error), retryable: false };
	return { code: "call-failed", message: deepest(error), retryable: false };
}

function stopped({ reason }: AbortSignal): TargetFailure {
	const timeout = reason instanceof Error && reason.name === "TimeoutError";
	return timeout
		? { code: "timeout", message: "the model did not respond in time", retryable: true }
		: { code: "interrupted", message: "the call was interrupted", retryable: false };
}

function httpFailure(error: CallError, status: number): TargetFailure {
	const wait = retryAfterMs(error.responseHeaders, Date.now());
	return {
		code: `http-${status}`,
		message: `the server responded with ${status}: ${said(error)}`,
		retryable: status === 408 || status === 409 || status === 425 || status === 429 || status >= 500,
		status,
		causedBy: "provider",
		...(wait === undefined ? {} : { retryAfterMs: wait }),
	};
}

function said({ message }: CallError): string {
	const text = message.trim() || "(no message)";
	return text.length > maxMessageLength ? `${text.slice(0, maxMessageLength)}…` : text;
}

function systemCode(error: CallError): string | undefined {
	for (const { code } of causes(error)) if (typeof code === "string") return code;
	return undefined;
}

/** The outer messages, such as "fetch failed", are useless. */
function deepest(error: CallError): string {
	return said(causes(error).findLast(({ message }) => message) ?? error);
}

function causes(error: CallError): (CallError & { readonly code?: unknown })[] {
	const chain: CallError[] = [];
	for (let current: unknown = error; current instanceof Error && chain.length < 5; current = current.cause)
		chain.push(current);
	return chain;
}

/** OpenAI reports a refusal separately from the text. */
interface OpenAiBody {
	readonly choices?: readonly { readonly message?: { readonly refusal?: unknown } }[];
	readonly output?: readonly {
		readonly content?: readonly { readonly type?: unknown; readonly refusal?: unknown }[];
	}[];
}

/** The SDK drops the refusal, so read it from the response body. */
function refusalIn(body: unknown): string | undefined {
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
function refusedAnswer(error: unknown, pricing: Pricing | undefined): TargetAnswer | undefined {
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
	const isKnown = input !== undefined && output !== undefined;
	const tokenUsage = isKnown ? { input, output, ...known({ cached, reasoning }) } : undefined;
	const figures = known({ tokenUsage, costUsd: costOf(body, tokenUsage, pricing) });
	const facts = { finish_reason: "stop", model: textOf(model), request_id: textOf(id) };
	return textAnswer(text, { ...figures, stopReason: "refusal" }, facts);
}

function textAnswer(
	text: string,
	figures: Pick<TargetAnswer, "stopReason" | "tokenUsage" | "costUsd">,
	facts: Readonly<Record<string, unknown>>,
): TargetAnswer {
	return { text, messages: [{ role: "assistant", content: text }], llmCalls: 1, ...figures, metadata: known(facts) };
}

/** Parses seconds, an HTTP date, or the `-ms` form of some servers. */
function retryAfterMs(headers: Readonly<Record<string, string>> | undefined, now: number): number | undefined {
	const exact = amount(headers?.["retry-after-ms"]);
	if (exact !== undefined) return exact;
	const text = headers?.["retry-after"];
	const seconds = amount(text);
	if (seconds !== undefined) return seconds * 1000;
	const date = text === undefined ? Number.NaN : Date.parse(text);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function amount(text: string | undefined): number | undefined {
	return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

const byEnding: Readonly<Record<string, string>> = {
	png: "image/png",
	jpg: "image/jpeg",
	jpeg: "image/jpeg",
	gif: "image/gif",
	webp: "image/webp",
	pdf: "application/pdf",
	mp3: "audio/mpeg",
	wav: "audio/wav",
};

const bySignature: readonly (readonly [signature: string, mediaType: string])[] = [
	["\x89PNG", "image/png"],
	["\xff\xd8\xff", "image/jpeg"],
	["GIF8", "image/gif"],
	["%PDF-", "application/pdf"],
];

type FilePiece = Exclude<RequestPiece, { readonly type: "text" }>;

/** Prefers the eval's type, then the first bytes, then the extension. */
function mediaTypeOf({ type, path, mediaType }: FilePiece, bytes: Buffer): string {
	if (mediaType !== undefined) return mediaType;
	const head = bytes.subarray(0, 12).toString("latin1");
	const signed = bySignature.find(([signature]) => head.startsWith(signature))?.[1];
	if (signed !== undefined) return signed;
	if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "image/webp";
	const ending = path.split(".").at(-1)?.toLowerCase() ?? "";
	return lookUp(byEnding, ending) ?? (type === "image" ? "image/*" : "application/octet-stream");
}

/** Decodes UTF-8 without a byte order mark; undefined if the bytes are not text. */
function decodeText(bytes: Buffer): string | undefined {
	if (bytes.includes(0) || !isUtf8(bytes)) return undefined;
	return bytes.toString("utf8").replace(/^\ufeff/, "");
}

const maxFileBytes = 20 * 1024 * 1024;

/** Puts the target's `system_prompt` first. @throws AgentvError if a file is unreadable */
function toModelPrompt(messages: readonly RequestMessage[], systemPrompt?: string): LanguageModelV3Message[] {
	const converted = messages.flatMap(toModelMessage);
	return systemPrompt === undefined ? converted : [{ role: "system", content: systemPrompt }, ...converted];
}

function toModelMessage(message: RequestMessage, index: number): LanguageModelV3Message[] {
	switch (message.role) {
		case "system":
			return [{ role: "system", content: plainText(message.content) }];
		case "assistant":
			return assistantMessages(message, index);
		case "tool":
			// Without the call, a tool's message can only be sent as text.
			return [{ role: "user", content: [textPart(`Tool result:\n${plainText(message.content)}`)] }];
		case "user":
			return [{ role: "user", content: message.content.map(userPart) }];
	}
}

function textPart(text: string): LanguageModelV3TextPart {
	return { type: "text", text };
}

function assistantMessages({ content, toolCalls = [] }: RequestMessage, index: number): LanguageModelV3Message[] {
	const text = plainText(content);
	const calls = toolCalls.map(({ tool, id, input, output }, position) => ({
		call: { toolCallId: id ?? `call-${index}-${position}`, toolName: toolName(tool) },
		input: input ?? {},
		output: { type: "text" as const, value: asText(output) },
	}));
	const said = [
		...(text === "" ? [] : [textPart(text)]),
		...calls.map(({ call, input }) => ({ type: "tool-call" as const, ...call, input })),
	];
	// Vendors reject empty messages.
	if (said.length === 0) return [];
	const results = calls.map(({ call, output }) => ({ type: "tool-result" as const, ...call, output }));
	return [
		{ role: "assistant", content: said },
		...(results.length > 0 ? [{ role: "tool" as const, content: results }] : []),
	];
}

/** Vendors only allow letters, digits, `_` and `-`. */
function toolName(tool: string): string {
	return tool.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "tool";
}

function asText(value: unknown): string {
	if (value === undefined) return "";
	return typeof value === "string" ? value : JSON.stringify(value);
}

function userPart(piece: RequestPiece): LanguageModelV3TextPart | LanguageModelV3FilePart {
	if (piece.type === "text") return textPart(piece.text);
	const bytes = readBytes(piece.path, { maxBytes: maxFileBytes });
	const mediaType = mediaTypeOf(piece, bytes);
	const text = mediaType.startsWith("image/") ? undefined : decodeText(bytes);
	if (text !== undefined) return textPart(fileText(piece.name, text));
	return { type: "file", data: new Uint8Array(bytes), mediaType, filename: piece.name };
}

function plainText(pieces: readonly RequestPiece[]): string {
	return pieces
		.map((piece) => {
			if (piece.type === "text") return piece.text;
			const text = decodeText(readBytes(piece.path, { maxBytes: maxFileBytes }));
			return fileText(piece.name, text ?? "(a binary file)");
		})
		.join("\n\n");
}

function fileText(name: string, text: string): string {
	return `<file path="${name.replaceAll('"', "'")}">\n${text}\n</file>`;
}

/** Adds the vendor's version path, which configured gateways often lack. */
export function versioned(address: string, version: string): string {
	const trimmed = address.replace(/(?<!\/)\/+$/, "");
	return /\/v\d[a-z0-9]*$/.test(trimmed) ? trimmed : `${trimmed}/${version}`;
}
