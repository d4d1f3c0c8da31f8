import type { AnyMessage, Stream } from "@agentclientprotocol/sdk";
import type { OpenInput } from "../../io/run-process.ts";

/** The two ends of a talk with an agent over its stdin and stdout. */
export interface MessageStream {
	readonly stream: Stream;
	/** Takes the agent's stdin, once it runs. */
	readonly onInput: (input: OpenInput) => void;
	/** Takes a message from the agent. Only JSON-RPC passes, and answers only to what was asked. */
	readonly onMessage: (message: Readonly<Record<string, unknown>>) => void;
	/** Nothing more will come. */
	readonly end: () => void;
}

/**
 * @param onUpdate takes what a session tells. It goes past the SDK, which would put updates that it does not know on our terminal, and
 * would hand over the last one only after the response that it came before.
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
