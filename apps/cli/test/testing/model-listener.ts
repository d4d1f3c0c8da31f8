import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Starts a model server that records its requests. */
export async function modelListener() {
	const heard: string[] = [];
	const server = createServer((request, answer) => {
		let body = "";
		request.on("data", (chunk) => {
			body += chunk;
		});
		request.on("end", () => {
			heard.push(`${request.url} ${JSON.stringify(request.headers)} ${body}`);
			answer.setHeader("content-type", "application/json");
			const message = { role: "assistant", content: "hello" };
			answer.end(
				JSON.stringify({
					id: "1",
					object: "chat.completion",
					created: 1,
					model: "m",
					choices: [{ index: 0, message, finish_reason: "stop" }],
					usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
				}),
			);
		});
		request.socket.on("error", () => undefined);
	}).listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	onTestFinished(() => void server.close());
	return { heard, port: (server.address() as AddressInfo).port };
}
