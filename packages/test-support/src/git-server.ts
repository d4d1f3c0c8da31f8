import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { gitTestEnvironment } from "./git-repo.ts";

export interface GitHttpBehaviour {
	/** Responds with 401 to requests without this login. */
	login?: { readonly username: string; readonly password: string };
	/** Never responds; `"body"` sends headers and a few bytes first. */
	stall?: boolean | "body";
	/** Drops the connection after this many bytes of a pack. */
	cutAfterBytes?: number;
	delayMs?: number;
	/** Delay after each chunk of a pack. */
	pieceDelayMs?: number;
	status?: number;
	/** Redirects paths that begin with `from` to `to`, a URL or path, and the rest of the path. */
	redirect?: { readonly from: string; readonly to: string };
}

export interface GitHttpServer {
	/** `http://127.0.0.1:<port>`, to which the repository's path is added. */
	readonly url: string;
	readonly behaviour: GitHttpBehaviour;
	/** `path` includes the query. */
	readonly requests: { readonly method: string; readonly path: string; readonly login: string | undefined }[];
	close(): Promise<void>;
}

/** Serves the bare repositories under `directory` on loopback until the test ends. */
export async function gitHttpServer(directory: string, behaviour: GitHttpBehaviour = {}): Promise<GitHttpServer> {
	const requests: GitHttpServer["requests"] = [];
	const server = createServer((request, response) => {
		const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? "")?.[1];
		const login = basic === undefined ? undefined : Buffer.from(basic, "base64").toString("utf8");
		requests.push({ method: request.method ?? "", path: request.url ?? "", login });
		void answer(directory, behaviour, request, response, login);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const close = async () => {
		server.closeAllConnections();
		if (server.listening) await new Promise((resolve) => server.close(resolve));
	};
	onTestFinished(close);
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, behaviour, requests, close };
}

async function answer(
	directory: string,
	behaviour: GitHttpBehaviour,
	request: IncomingMessage,
	response: ServerResponse,
	login: string | undefined,
): Promise<void> {
	if (behaviour.delayMs) await new Promise((resolve) => setTimeout(resolve, behaviour.delayMs));
	if (behaviour.stall === "body") {
		response.writeHead(200, { "content-type": "application/x-git-upload-pack-advertisement" });
		response.write("001e# service=git-upload-pack\n");
	}
	if (behaviour.stall) return;
	if (behaviour.status) {
		response.writeHead(behaviour.status).end();
		return;
	}
	const { redirect } = behaviour;
	if (redirect && request.url?.startsWith(redirect.from)) {
		response.writeHead(302, { location: redirect.to + request.url.slice(redirect.from.length) }).end();
		return;
	}
	const wanted = behaviour.login;
	if (wanted && login !== `${wanted.username}:${wanted.password}`) {
		response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
		return;
	}
	runBackend(directory, behaviour, request, response);
}

function runBackend(
	directory: string,
	behaviour: GitHttpBehaviour,
	request: IncomingMessage,
	response: ServerResponse,
): void {
	const [path = "/", query = ""] = (request.url ?? "/").split("?");
	const header = (name: string) => String(request.headers[name] ?? "");
	const backend = spawn("git", ["http-backend"], {
		env: {
			...gitTestEnvironment,
			GIT_PROJECT_ROOT: directory,
			GIT_HTTP_EXPORT_ALL: "1",
			PATH_INFO: decodeURIComponent(path),
			QUERY_STRING: query,
			REQUEST_METHOD: request.method ?? "GET",
			CONTENT_TYPE: header("content-type"),
			HTTP_CONTENT_ENCODING: header("content-encoding"),
			GIT_PROTOCOL: header("git-protocol"),
			...(request.headers["content-length"] ? { CONTENT_LENGTH: request.headers["content-length"] } : {}),
		},
		stdio: ["pipe", "pipe", "ignore"],
	});
	response.on("close", () => backend.kill());
	backend.stdin.on("error", () => undefined);
	request.pipe(backend.stdin);
	let head: Buffer | undefined = Buffer.alloc(0);
	let sent = 0;
	backend.stdout.on("data", (chunk: Buffer) => {
		let body = chunk;
		if (head) {
			head = Buffer.concat([head, chunk]);
			const end = head.indexOf("\r\n\r\n");
			if (end === -1) return;
			writeHead(response, head.subarray(0, end).toString("latin1"));
			body = head.subarray(end + 4);
			head = undefined;
		}
		const limit = path.endsWith("/git-upload-pack") ? behaviour.cutAfterBytes : undefined;
		if (behaviour.pieceDelayMs && path.endsWith("/git-upload-pack")) {
			backend.stdout.pause();
			setTimeout(() => backend.stdout.resume(), behaviour.pieceDelayMs);
		}
		const part = limit === undefined ? body : body.subarray(0, limit - sent);
		sent += part.length;
		response.write(part, () => {
			if (limit !== undefined && sent >= limit) response.destroy();
		});
	});
	backend.on("close", () => response.end());
}

function writeHead(response: ServerResponse, head: string): void {
	let status = 200;
	for (const line of head.split("\r\n")) {
		const [name = "", value = ""] = line.split(/:\s*(.*)/s);
		if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
		else response.setHeader(name, value);
	}
	response.writeHead(status);
}
