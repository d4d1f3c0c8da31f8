import type { AnyMessage, Stream } from "@agentclientprotocol/sdk";
import type { OpenInput } from "../../io/run-process.ts";

/** The two ends of a connection to an agent over its stdin and stdout. */
export interface MessageStream {
	readonly stream: Stream;
	/** Receives the agent's stdin once it runs. */
	readonly onInput: (input: OpenInput) => void;
	/** Only JSON-RPC passes, and only responses to our requests. */
	readonly onMessage: (message: Readonly<Record<string, unknown>>) => void;
	/** Ends the stream. */
	readonly end: () => void;
}

/**
 * @param onUpdate receives session updates. It bypasses the SDK, which would print unknown updates
 * to our terminal, and would deliver the last one only after the response that it preceded
 */
export function messageStream(onUpdate: (params: unknown) => void): MessageStream {
	let toUs: ReadableStreamDefaultController<AnyMessage> | undefined;
	let toAgent: (input: OpenInput) => void = () => undefined;
	const opened = new Promise<OpenInput>((resolve) => {
		toAgent = resolve;
	});
	const asked = new Set<unknown>();
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
			if ("method" in message && "id" in message) asked.add(message.id);
			(await opened).write(`${JSON.stringify(message)}\n`);
		},
	});
	return {
		stream: { readable, writable },
		onInput: toAgent,
		onMessage: (message) => {
			if (message["jsonrpc"] !== "2.0") return;
			if (message["method"] === "session/update") onUpdate(message["params"]);
			else if ("method" in message || asked.delete(message["id"])) toUs?.enqueue(message as unknown as AnyMessage);
		},
		end: () => {
			toUs?.close();
			toUs = undefined;
		},
	};
}
