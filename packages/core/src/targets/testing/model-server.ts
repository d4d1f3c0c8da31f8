import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface SeenRequest {
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Readonly<Record<string, unknown>>;
}

/** The server's response to one request. */
export type Reply =
	| { readonly json: unknown; readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
	| { readonly text: string; readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
	/** Headers and half of the body, then the connection breaks. */
	| { readonly cut: unknown }
	/** The connection breaks before any response. */
	| { readonly reset: true }
	/** The server never responds. */
	| { readonly stall: "before headers" | "in the body" };

export interface ModelServer {
	/** `http://127.0.0.1:port` */
	readonly url: string;
	readonly requests: readonly SeenRequest[];
	/** Number of requests whose connection the client closed. */
	readonly abandoned: () => number;
}

/** Listens on loopback until the test ends. */
export async function modelServer(reply: (request: SeenRequest, index: number) => Reply): Promise<ModelServer> {
	const requests: SeenRequest[] = [];
	let abandoned = 0;
	const server = createServer((incoming, response) => {
		const chunks: Buffer[] = [];
		incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
		response.on("close", () => {
			if (!response.writableFinished) abandoned += 1;
		});
		incoming.on("end", () => {
			const body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
			const seen = { path: incoming.url ?? "", headers: incoming.headers, body };
			requests.push(seen);
			send(response, reply(seen, requests.length - 1));
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onTestFinished(() => {
		server.closeAllConnections();
		return new Promise<void>((resolve) => server.close(() => resolve()));
	});
	const { port } = server.address() as AddressInfo;
	return { url: `http://127.0.0.1:${port}`, requests, abandoned: () => abandoned };
}

function send(response: ServerResponse, reply: Reply): void {
	if ("reset" in reply) {
		response.socket?.resetAndDestroy();
	} else if ("stall" in reply) {
		if (reply.stall === "in the body") response.writeHead(200, { "content-type": "application/json" }).write("{");
	} else if ("cut" in reply) {
		const text = JSON.stringify(reply.cut);
		response.writeHead(200, { "content-type": "application/json", "content-length": text.length });
		response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
	} else {
		const text = "json" in reply ? JSON.stringify(reply.json) : reply.text;
		const type = "json" in reply ? "application/json" : "text/plain";
		response.writeHead(reply.status ?? 200, { "content-type": type, ...reply.headers }).end(text);
	}
}
