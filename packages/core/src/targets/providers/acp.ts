import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type {
	AnyMessage,
	ClientApp,
	ClientContext,
	ContentBlock,
	InitializeRequest,
	InitializeResponse,
	LoadSessionRequest,
	NewSessionRequest,
	NewSessionResponse,
	PromptRequest,
	ReadTextFileRequest,
	ReadTextFileResponse,
	RequestPermissionRequest,
	RequestPermissionResponse,
	Stream,
	WriteTextFileRequest,
	WriteTextFileResponse,
} from "@agentclientprotocol/sdk";
import { z } from "zod";
import type { CommandSpec } from "../../eval/command.ts";
import { commandSchema, unsupported, wireObject } from "../../format/codec.ts";
import { agentSettings, commonSettings, lacking, pricingSchema } from "../../format/target-file.ts";
import { AgentvError } from "../../lib/errors.ts";
import { lookUp } from "../../lib/interpolate.ts";
import { makeDirectories } from "../../machine/directories.ts";
import { writeOwnFile } from "../../machine/environment.ts";
import { isInside, realPath } from "../../machine/files.ts";
import { readTextFile } from "../../machine/read-file.ts";
import type { OpenInput } from "../../machine/run-process.ts";
import {
	type AnswerMessage,
	defineProvider,
	known,
	stopReasonOf,
	type TargetAnswer,
	type TargetFailure,
	type TargetOutcome,
	type TargetRequest,
	type TargetServices,
} from "../contract.ts";
import {
	contentText,
	count,
	type Fields,
	newWords,
	objectLines,
	processFailure,
	record,
	records,
	Transcript,
	text,
} from "../read-answer.ts";

const permissionSchema = z.enum(["allow", "reject"]);
/** As in ACP permission requests; `default` applies to all others. */
const toolKinds = [
	...(["default", "read", "edit", "delete", "move", "search", "execute", "think", "fetch"] as const),
	...(["switch_mode", "other"] as const),
] as const;

const inCommand = "pass it to the agent in `env` or `command`";
const settings = wireObject({
	...commonSettings,
	...lacking(lacking(agentSettings, "add it to `command`", ["executable", "args", "model"]), inCommand, [
		...(["apiKey", "baseUrl", "subprovider", "thinking", "modelReasoningEffort"] as const),
		...(["maxTurns", "maxBudgetUsd"] as const),
	]),
	permissionMode: unsupported(z.string(), { hint: "use `permissions`" }),
	pricing: unsupported(pricingSchema, { hint: "remove it: the agent reports its cost" }),
	command: commandSchema,
	permissions: z.union([permissionSchema, z.partialRecord(z.enum(toolKinds), permissionSchema)]).optional(),
});

type Settings = z.output<typeof settings>;
type Permissions = Settings["permissions"];

/** Sends a prompt in one session: the previous one if the agent can load it. @param cwd absolute */
async function askAgent(
	stream: Stream,
	request: TargetRequest,
	settings: Settings,
	cwd: string,
	transcript: AcpTranscript,
): Promise<TargetAnswer> {
	const sdk = await import("@agentclientprotocol/sdk");
	const files = request.workspacePath === undefined ? undefined : new WorkspaceFiles(request.workspacePath);
	const app = clientApp(sdk, settings.permissions, files);
	return app.connectWith(stream, async (agent) => {
		const known = await agent.request<InitializeResponse, InitializeRequest>(sdk.methods.agent.initialize, {
			protocolVersion: sdk.PROTOCOL_VERSION,
			clientInfo: { name: "agentv", version: "1" },
			clientCapabilities: {
				fs: { readTextFile: files !== undefined, writeTextFile: files !== undefined },
				terminal: false,
			},
		});
		const { sessionId, isOld } = await openSession(agent, sdk.methods.agent.session, known, request, cwd);
		transcript.listens = true;
		const { cancel, prompt } = sdk.methods.agent.session;
		const onAbort = () => void agent.notify(cancel, { sessionId }).catch(() => undefined);
		request.signal.addEventListener("abort", onAbort, { once: true });
		const words = isOld ? newWords(request) : request.prompt;
		const whole = settings.systemPrompt && !isOld ? `${settings.systemPrompt}\n\n${words}` : words;
		const question: PromptRequest = { sessionId, prompt: promptBlocks(whole, request) };
		const response = await agent.request<unknown, PromptRequest>(prompt, question);
		request.signal.removeEventListener("abort", onAbort);
		return answerOf(transcript, record(response), known, sessionId);
	});
}

async function openSession(
	agent: ClientContext,
	methods: typeof import("@agentclientprotocol/sdk").methods.agent.session,
	{ agentCapabilities }: InitializeResponse,
	{ session }: TargetRequest,
	cwd: string,
): Promise<{ readonly sessionId: string; readonly isOld: boolean }> {
	const place = { cwd, mcpServers: [] };
	if (typeof session === "string" && agentCapabilities?.loadSession) {
		await agent.request<unknown, LoadSessionRequest>(methods.load, { ...place, sessionId: session });
		return { sessionId: session, isOld: true };
	}
	const { sessionId } = await agent.request<NewSessionResponse, NewSessionRequest>(methods.new, place);
	return { sessionId, isOld: false };
}

function promptBlocks(words: string, { files }: TargetRequest): ContentBlock[] {
	const links = files.map((path) => {
		const name = path.split("/").at(-1) ?? path;
		return { type: "resource_link" as const, uri: pathToFileURL(path).href, name };
	});
	return [{ type: "text", text: words }, ...links];
}

function answerOf(
	transcript: AcpTranscript,
	response: Fields,
	{ agentInfo, agentCapabilities }: InitializeResponse,
	sessionId: string,
): TargetAnswer {
	const messages = transcript.messages();
	return {
		text: messages.findLast(({ content }) => content !== "")?.content ?? "",
		messages,
		...transcript.figures(response),
		...known({ stopReason: stopReasonOf(response.stopReason) }),
		...(agentCapabilities?.loadSession ? { session: sessionId } : {}),
		metadata: {
			finish_reason: text(response.stopReason) ?? "unknown",
			session_id: sessionId,
			...(agentInfo ? { agent: `${agentInfo.name} ${agentInfo.version}` } : {}),
		},
	};
}

class AcpTranscript {
	readonly #transcript = new Transcript();
	/** Loading a session replays it; the answer begins after that. */
	listens = false;
	/** Text of the current message: it arrives in chunks. */
	#saying = "";
	#messageId: string | undefined;
	#cost: number | undefined;

	receive(params: unknown): void {
		if (this.listens) this.#update(record(record(params).update), performance.now());
	}

	partial(): Partial<TargetAnswer> {
		return { messages: this.messages(), ...this.figures({}) };
	}

	#update(update: Fields, at: number): void {
		switch (update.sessionUpdate) {
			case "agent_message_chunk":
				this.#say(text(update.messageId), text(record(update.content).text) ?? "");
				return;
			case "tool_call":
			case "tool_call_update":
				this.#flush();
				this.#call(update, at);
				return;
			case "usage_update": {
				const { amount, currency } = record(update.cost);
				if (currency === "USD") this.#cost = count(amount) ?? this.#cost;
			}
		}
	}

	#say(messageId: string | undefined, chunk: string): void {
		if (messageId !== this.#messageId) this.#flush();
		this.#messageId = messageId;
		this.#saying += chunk;
	}

	#flush(): void {
		this.#transcript.say(this.#saying);
		this.#saying = "";
	}

	#call(update: Fields, at: number): void {
		const id = text(update.toolCallId) ?? "";
		const kind = text(update.kind);
		const tool = text(update.name) ?? (kind && kind !== "other" ? kind : text(update.title)) ?? "tool";
		this.#transcript.call(id, tool, update.rawInput ?? inputOf(update), at);
		if (update.status === "in_progress") this.#transcript.begin(id, at);
		if (update.status !== "completed" && update.status !== "failed") return;
		this.#transcript.result(id, update.rawOutput ?? outputOf(update), at, update.status === "failed");
	}

	messages(): readonly AnswerMessage[] {
		this.#flush();
		return this.#transcript.messages();
	}

	/** @param response to the prompt; newer agents report the turn's token usage in it */
	figures(response: Fields): Pick<TargetAnswer, "tokenUsage" | "costUsd"> {
		const usage = record(response.usage);
		const input = count(usage.inputTokens);
		const output = count(usage.outputTokens);
		const parts = { cached: count(usage.cachedReadTokens), reasoning: count(usage.thoughtTokens) };
		const isKnown = input !== undefined && output !== undefined;
		return known({ tokenUsage: isKnown ? { input, output, ...known(parts) } : undefined, costUsd: this.#cost });
	}
}

function inputOf({ title, locations }: Fields): unknown {
	const paths = records(locations).flatMap(({ path }) => text(path) ?? []);
	if (title === undefined && paths.length === 0) return undefined;
	return known({ title: text(title), paths: paths.length > 0 ? paths : undefined });
}

function outputOf({ content }: Fields): unknown {
	const blocks = records(content);
	const said = contentText(blocks.map((block) => block.content)) ?? "";
	const changes = blocks.flatMap(({ type, path }) => (type === "diff" ? [path] : []));
	return changes.length > 0 ? { ...(said ? { text: said } : {}), changed: changes } : said;
}

type Sdk = typeof import("@agentclientprotocol/sdk");

function clientApp(
	{ client, methods, RequestError }: Sdk,
	permissions: Permissions,
	files: WorkspaceFiles | undefined,
): ClientApp {
	const { session, fs } = methods.client;
	const app = client({ name: "agentv" }).onRequest(session.requestPermission, ({ params }) =>
		permissionAnswer(params, permissions),
	);
	if (!files) return app;
	const refusing = <Answer>(work: () => Answer): Answer => {
		try {
			return work();
		} catch (error) {
			if (error instanceof AgentvError) throw RequestError.invalidParams(undefined, error.message);
			throw error;
		}
	};
	return app
		.onRequest(fs.readTextFile, ({ params }) => refusing(() => files.read(params)))
		.onRequest(fs.writeTextFile, ({ params }) => refusing(() => files.write(params)));
}

/** `permissions` is one word, or one per kind of action. Default: allow. */
function permissionAnswer(request: RequestPermissionRequest, permissions: Permissions): RequestPermissionResponse {
	const wanted = wordFor(request.toolCall.kind ?? "other", permissions);
	const preferred = wanted === "allow" ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
	for (const kind of preferred) {
		const option = request.options.find((candidate) => candidate.kind === kind);
		if (option) return { outcome: { outcome: "selected", optionId: option.optionId } };
	}
	return { outcome: { outcome: "cancelled" } };
}

function wordFor(kind: string, permissions: Permissions): "allow" | "reject" {
	if (typeof permissions !== "object") return permissions ?? "allow";
	const words: Readonly<Record<string, "allow" | "reject" | undefined>> = permissions;
	// A list of allowed kinds allows only them; a list of rejected kinds rejects only them.
	const rest = Object.values(permissions).every((word) => word === "allow") ? "reject" : "allow";
	return lookUp(words, kind) ?? words["default"] ?? rest;
}

/** Restricts an agent's file access to one directory, even through links. */
class WorkspaceFiles {
	readonly #root: string;

	constructor(directory: string) {
		this.#root = realPath(directory);
	}

	/** @throws AgentvError `refused` outside the workspace; `not-found` or `config` if unreadable */
	read({ path, line, limit }: ReadTextFileRequest): ReadTextFileResponse {
		const text = readTextFile(this.#inside(path));
		if (!line && !limit) return { content: text };
		const first = Math.max(0, (line ?? 1) - 1);
		const lines = text.split(/(?<=\n)/).slice(first, limit ? first + limit : undefined);
		return { content: lines.join("") };
	}

	/** @throws AgentvError `refused` outside the workspace; `config` if it is not writable */
	write({ path, content }: WriteTextFileRequest): WriteTextFileResponse {
		const file = this.#inside(path);
		makeDirectories(dirname(file));
		writeOwnFile(file, content);
		return {};
	}

	#inside(path: string): string {
		const lexical = isAbsolute(path) ? path : resolve(this.#root, path);
		const real = realPath(lexical);
		if (isInside(this.#root, real) && real !== this.#root) return real;
		throw new AgentvError("refused", `${path} is outside the workspace`);
	}
}

interface MessageStream {
	readonly stream: Stream;
	readonly onInput: (input: OpenInput) => void;
	/** Called for JSON-RPC only, and responses only if we requested them. */
	readonly onMessage: (message: Readonly<Record<string, unknown>>) => void;
	readonly end: () => void;
}

/** Bypasses the SDK for updates: it prints unknown ones, and delivers the last one too late. */
function messageStream(onUpdate: (params: unknown) => void): MessageStream {
	let toUs: ReadableStreamDefaultController<AnyMessage> | undefined;
	let toAgent: (input: OpenInput) => void = () => undefined;
	const opened = new Promise<OpenInput>((resolve) => {
		toAgent = resolve;
	});
	const requestIds = new Set<unknown>();
	const readable = new ReadableStream<AnyMessage>({
		start: (controller) => {
			toUs = controller;
		},
		cancel: () => {
			toUs = undefined;
		},
	});
	const writable = new WritableStream<AnyMessage>({
		async write(message) {
			if ("method" in message && "id" in message) requestIds.add(message.id);
			(await opened).write(`${JSON.stringify(message)}\n`);
		},
	});
	return {
		stream: { readable, writable },
		onInput: toAgent,
		onMessage: (message) => {
			if (message["jsonrpc"] !== "2.0") return;
			if (message["method"] === "session/update") onUpdate(message["params"]);
			else if ("method" in message || requestIds.delete(message["id"])) toUs?.enqueue(message as unknown as AnyMessage);
		},
		end: () => {
			toUs?.close();
			toUs = undefined;
		},
	};
}

/** Talks the Agent Client Protocol over stdio; the agent starts once per turn. */
export const acp = defineProvider({
	name: "acp",
	kind: "agent",
	runs: "any agent of the Agent Client Protocol",
	needs: "`command`",
	cost: "as it says",
	settings,
	executable: undefined,
	keys: [],
	create: ({ settings, command }, services) => ({
		async check() {
			const { checkCommand } = await import("../check-command.ts");
			return command && checkCommand(command, services);
		},
		invoke: (request) => invoke(settings, command, services, request),
	}),
});

/** Milliseconds for the agent to exit after the last request. */
const partingMs = 500;
const keptOutput = 64 * 1024;

async function invoke(
	settings: Settings,
	command: CommandSpec | undefined,
	services: TargetServices,
	request: TargetRequest,
): Promise<TargetOutcome> {
	if (!command) return failed({ code: "not-found", message: "the target has no command", retryable: false });
	const cwd = realPath(request.workspacePath ?? services.scope.directory);
	const transcript = new AcpTranscript();
	const messages = messageStream((params) => transcript.receive(params));
	const answering = askAgent(messages.stream, request, settings, cwd, transcript);
	const over = new AbortController();
	let closeInput: () => void = () => undefined;
	const running = services.runCommand(command, {
		defaultCwd: cwd,
		env: { ...settings.env, AGENTV_PROVIDER_CONTEXT: JSON.stringify(request.providerContext) },
		signal: AbortSignal.any([request.signal, over.signal]),
		maxBuffer: keptOutput,
		onInput: (input) => {
			closeInput = () => input.close();
			messages.onInput(input);
		},
		onStdout: objectLines(messages.onMessage),
	});
	const ended = running.then((result) => {
		messages.end();
		return result;
	});
	const outcome = answering.then(
		(answer) => ({ answer }),
		(error: unknown) => ({ error }),
	);
	const first = await Promise.race([outcome, ended.then(() => Promise.race([outcome, silence()]))]);
	closeInput();
	const timer = setTimeout(() => over.abort(), partingMs);
	const result = await ended;
	clearTimeout(timer);
	request.log?.(result.stderr);
	if (request.signal.aborted)
		return failed({
			code: "interrupted",
			message: "the agent was interrupted",
			retryable: false,
			partial: transcript.partial(),
		});
	if ("answer" in first) return outcomeOf(first.answer);
	// If AgentV ended the process, its exit is not a failure.
	const process = over.signal.aborted ? undefined : processFailure(result, command.text[0] ?? "the agent");
	return failed({ ...(process ?? talkFailure(first.error)), partial: transcript.partial() });
}

/** A program that never ran leaves the connection waiting for its stdin. */
function silence(): Promise<{ readonly error: unknown }> {
	const error = new Error("the agent ended before it answered");
	return new Promise((resolve) => setTimeout(() => resolve({ error }), partingMs));
}

function outcomeOf(answer: TargetAnswer): TargetOutcome {
	if (answer.metadata?.["finish_reason"] !== "cancelled") return { ok: true, answer };
	return failed({ code: "agent-failed", message: "the agent cancelled its turn", retryable: true, partial: answer });
}

function failed(failure: TargetFailure): TargetOutcome {
	return { ok: false, failure };
}

const authRequired = -32_000;

function talkFailure(error: unknown): TargetFailure {
	const { code, data } = error as { code?: unknown; data?: unknown };
	const said = error instanceof Error ? error.message : String(error);
	const details = typeof data === "object" && data !== null && "details" in data ? `: ${String(data.details)}` : "";
	if (code === authRequired)
		return { code: "auth", message: `the agent requires authentication: ${said}`, retryable: false };
	return { code: "agent-failed", message: `the agent responded with an error: ${said}${details}`, retryable: true };
}
