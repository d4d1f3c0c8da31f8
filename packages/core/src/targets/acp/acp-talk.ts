import { pathToFileURL } from "node:url";
import type {
	ClientContext,
	ContentBlock,
	InitializeRequest,
	InitializeResponse,
	LoadSessionRequest,
	NewSessionRequest,
	NewSessionResponse,
	PromptRequest,
	Stream,
} from "@agentclientprotocol/sdk";
import type { ProviderSettings } from "../../schema/target-file.ts";
import { type Fields, given, record, text } from "../agent/event-fields.ts";
import { newWords } from "../agent/new-words.ts";
import type { TargetAnswer, TargetRequest } from "../contract.ts";
import { stopReasonOf } from "../stop-reason.ts";
import { AcpTranscript } from "./acp-transcript.ts";
import { clientApp } from "./client-app.ts";
import { WorkspaceFiles } from "./workspace-files.ts";

type Settings = ProviderSettings<"acp">;

/** A conversation with an agent about one prompt. */
export interface AcpTalk {
	/** Rejects if the conversation fails. */
	readonly answer: Promise<TargetAnswer>;
	/** Returns what the agent has sent so far, for the record of a failed conversation. */
	readonly partial: () => Partial<TargetAnswer>;
	/** Handles the parameters of a `session/update`. */
	readonly onUpdate: (params: unknown) => void;
}

/**
 * Sends an agent one prompt in a session, its previous one if it can load that.
 * @param cwd absolute working directory of the session
 */
export function askAgent(stream: Stream, request: TargetRequest, settings: Settings, cwd: string): AcpTalk {
	const transcript = new AcpTranscript();
	// Loading a session replays it: the answer begins after that.
	let listens = false;
	const listen = () => {
		listens = true;
	};
	return {
		answer: converse(stream, request, settings, cwd, transcript, listen),
		onUpdate: (params) => {
			if (listens) transcript.update(record(record(params).update), performance.now());
		},
		partial: () => ({ messages: transcript.messages(), ...transcript.figures({}) }),
	};
}

async function converse(
	stream: Stream,
	request: TargetRequest,
	settings: Settings,
	cwd: string,
	transcript: AcpTranscript,
	listen: () => void,
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
		listen();
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

/** Opens the session of the previous turn if the agent can load it; else a new one. */
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

/** Returns the text, and links to the files of the prompt. */
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
		...given("stopReason", stopReasonOf(response.stopReason)),
		...(agentCapabilities?.loadSession ? { session: sessionId } : {}),
		metadata: {
			finish_reason: text(response.stopReason) ?? "unknown",
			session_id: sessionId,
			...(agentInfo ? { agent: `${agentInfo.name} ${agentInfo.version}` } : {}),
		},
	};
}
