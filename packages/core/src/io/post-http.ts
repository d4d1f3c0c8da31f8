import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";

/** Connections are reused; idle ones don't keep the process alive. */
const plain = new Agent({ keepAlive: true });
const secure = new TlsAgent({ keepAlive: true });
const longestAnswer = 256 * 1024 * 1024;

/** The error `code` for a response that is too long to read. */
export const answerTooLong = "ERR_HTTP_ANSWER_TOO_LONG";
export const impossibleStatus = "ERR_HTTP_STATUS";

/**
 * A `fetch` for calls that send a text and read the whole response, in a fraction of the built-in
 * one's time, which builds streams for both.
 * Redirects are not followed. Rejects with the system's error (`ECONNRESET`, …) if the connection
 * fails, and with the signal's reason.
 */
export const postHttp: typeof fetch = async (input, init = {}) => {
	const url = new URL(input instanceof Request ? input.url : input);
	const headers = plainHeaders(init.headers);
	const signal = init.signal ?? undefined;
	signal?.throwIfAborted();
	const answer = await send(url, init.method ?? "GET", headers, typeof init.body === "string" ? init.body : "", signal);
	const { status, statusText, bytes } = answer;
	const hasBody = bytes.length > 0 && status !== 204 && status !== 205 && status !== 304;
	return new Response(hasBody ? bytes : null, { status, statusText, headers: answer.headers });
};

function plainHeaders(headers: RequestInit["headers"]): Record<string, string> {
	if (headers instanceof Headers || Array.isArray(headers)) return Object.fromEntries(headers);
	return { ...headers } as Record<string, string>;
}

interface Answer {
	readonly status: number;
	readonly statusText: string;
	readonly headers: [string, string][];
	readonly bytes: Buffer;
}

function send(
	url: URL,
	method: string,
	headers: Record<string, string>,
	body: string,
	signal: AbortSignal | undefined,
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const isTls = url.protocol === "https:";
		const open = isTls ? tlsRequest : httpRequest;
		const length = { "content-length": String(Buffer.byteLength(body)) };
		const options = { method, headers: { ...headers, ...length }, agent: isTls ? secure : plain };
		const request = open(url, options, (response) => read(response, resolve, reject));
		const stop = () => request.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
		signal?.addEventListener("abort", stop, { once: true });
		request.once("close", () => signal?.removeEventListener("abort", stop));
		request.once("error", reject);
		request.end(body);
	});
}

function read(response: IncomingMessage, resolve: (answer: Answer) => void, reject: (error: unknown) => void): void {
	const chunks: Buffer[] = [];
	let length = 0;
	response.on("data", (chunk: Buffer) => {
		chunks.push(chunk);
		length += chunk.length;
		if (length > longestAnswer)
			response.destroy(coded(answerTooLong, `the response is longer than ${longestAnswer} bytes`));
	});
	response.once("error", reject);
	response.once("end", () => {
		const { statusCode = 0, statusMessage = "", headers } = response;
		// A Response can't represent other status codes.
		if (statusCode < 200 || statusCode > 599)
			return reject(coded(impossibleStatus, `the server responded with status ${statusCode}`));
		const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
		resolve({ status: statusCode, statusText: statusMessage, headers: pairs, bytes: Buffer.concat(chunks) });
	});
}

function coded(code: string, message: string): Error {
	return Object.assign(new Error(message), { code });
}
