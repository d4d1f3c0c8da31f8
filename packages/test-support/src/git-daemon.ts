import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { onTestFinished } from "vitest";
import { gitTestEnvironment } from "./git-repo.ts";
import { waitUntil } from "./processes.ts";

export interface LoopbackServer {
	readonly url: string;
	close(): Promise<void>;
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

/** Serves the bare repositories under `directory` on loopback until the test ends. */
export async function gitDaemon(directory: string): Promise<LoopbackServer> {
	const port = await freePort();
	const where = ["--listen=127.0.0.1", `--port=${port}`, `--base-path=${directory}`, "--export-all", "--reuseaddr"];
	const daemon = spawn("git", ["daemon", ...where], { env: gitTestEnvironment, stdio: "ignore", detached: true });
	const ended = once(daemon, "exit");
	const close = async () => {
		if (daemon.pid === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
		process.kill(-daemon.pid, "SIGTERM");
		await ended;
	};
	onTestFinished(close);
	await waitUntil(async () => {
		const socket = connect(port, "127.0.0.1");
		try {
			await once(socket, "connect");
			return true;
		} finally {
			socket.destroy();
		}
	});
	return { url: `git://127.0.0.1:${port}`, close };
}

/** Accepts connections and never responds, until the test ends. */
export async function silentServer(scheme = "git"): Promise<LoopbackServer> {
	const sockets = new Set<{ destroy(): unknown }>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	const close = async () => {
		for (const socket of sockets) socket.destroy();
		if (server.listening) await new Promise((resolve) => server.close(resolve));
	};
	onTestFinished(close);
	return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
