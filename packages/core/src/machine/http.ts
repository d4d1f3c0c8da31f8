import { readFileSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingMessage, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { Environment } from "./environment.ts";
import { runProcess } from "./run-process.ts";

/** Connections are reused; idle ones don't keep the process alive. */
const plain = new Agent({ keepAlive: true });
const secure = new TlsAgent({ keepAlive: true });
const maxAnswer = 256 * 1024 * 1024;

export const answerTooLong = "ERR_HTTP_ANSWER_TOO_LONG";
export const impossibleStatus = "ERR_HTTP_STATUS";

/**
 * For calls that send a text and read the whole response, in a fraction of the time of the built-in
 * `fetch`, which builds streams for both. Redirects are not followed. Rejects with the system's
 * error (`ECONNRESET`, …) if the connection fails, and with the signal's reason.
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
		if (length > maxAnswer) response.destroy(coded(answerTooLong, `the response is longer than ${maxAnswer} bytes`));
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

type Reach = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Requests `HEAD /`: no path, user, key or cookie is sent. */
export function reachServer(address: URL, timeoutMs: number, signal?: AbortSignal): Promise<Reach> {
	const open = address.protocol === "https:" ? tlsRequest : request;
	const limit = AbortSignal.timeout(timeoutMs);
	return new Promise((resolve) => {
		const request = open(address.origin, {
			method: "HEAD",
			agent: false,
			signal: signal ? AbortSignal.any([signal, limit]) : limit,
		});
		request.once("response", (response) => {
			response.destroy();
			resolve({ ok: true });
		});
		request.once("error", (error) => {
			resolve({ ok: false, reason: limit.aborted ? `no response within ${timeoutMs / 1000} s` : reasonOf(error) });
		});
		request.end();
	});
}

const reasons: Readonly<Record<string, string>> = {
	ENOTFOUND: "the host does not exist",
	EAI_AGAIN: "the host name could not be resolved",
	ECONNREFUSED: "connection refused",
	ECONNRESET: "the connection was closed",
	EHOSTUNREACH: "the host is unreachable",
	ENETUNREACH: "the network is unreachable",
};

/** An address with several IPs fails with all their errors in one. */
function reasonOf(error: Error & { readonly code?: string; readonly errors?: readonly Error[] }): string {
	const first = (error.errors?.[0] ?? error) as Error & { readonly code?: string };
	return reasons[first.code ?? ""] ?? (first.message || String(first.code));
}

export interface Connection {
	readonly localPort?: number | undefined;
	readonly remotePort?: number | undefined;
}

/**
 * Returns true only if that is certain. Linux lists the user of each socket; elsewhere nothing is
 * known. Root does not count as another user.
 */
export function isOfAnotherUser(connection: Connection): boolean {
	const self = process.getuid?.();
	if (process.platform !== "linux" || self === undefined) return false;
	return peerUsers(connection).some((uid) => uid !== self && uid !== 0);
}

function peerUsers({ localPort, remotePort }: Connection): readonly number[] {
	return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => {
		const lines = tableOf(path).split("\n").slice(1);
		return lines.flatMap((line) => {
			const [, local, remote, , , , , uid] = line.trim().split(/\s+/);
			// The peer's own entry has the ports swapped.
			return portOf(local) === remotePort && portOf(remote) === localPort && uid ? [Number(uid)] : [];
		});
	});
}

function tableOf(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

function portOf(address: string | undefined): number | undefined {
	const digits = address?.split(":")[1];
	return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
	darwin: ["open"],
	win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Does nothing without a desktop: the URL was printed. */
export async function openInBrowser(url: string, env: Environment): Promise<void> {
	const opener = openers[process.platform] ?? ["xdg-open"];
	await runProcess({ argv: [...opener, url], env, cwd: process.cwd(), timeoutMs: 5000 });
}
