import { AgentvError } from "@agentv/core";
import { serve } from "@hono/node-server";
import { createApi } from "./app.ts";
import type { StudioOptions } from "./options.ts";
import { addPages } from "./pages.ts";
import { createServices } from "./services.ts";

export type { StudioOptions } from "./options.ts";

export interface RunningStudio {
	/** Where to open it; holds `?token=…`, which lasts until Studio ends. */
	readonly url: string;
	/** Returns a link that opens it once, within a minute: for a browser's command line, which other users can read. */
	linkForOneUse(): string;
	readonly port: number;
	/** Ends running jobs, waits for them, and stops listening. Returns how many had to be ended. */
	close(): Promise<number>;
}

/**
 * Starts Studio on `port`. A taken port is answered by the next free one, or, when the port was asked for, by an
 * `AgentvError` `config`.
 */
export async function startStudio(
	options: StudioOptions & { readonly port: number; readonly exactPort: boolean },
): Promise<RunningStudio> {
	const services = createServices(options);
	const app = createApi(services);
	addPages(app, services);
	const last = options.exactPort ? options.port : Math.min(options.port + 50, 65_535);
	for (let port = options.port; port <= last; port += 1) {
		const server = await listen(app.fetch, options.host, port);
		if (!server) continue;
		return {
			url: address(options, server.port, "token", services.session.token),
			linkForOneUse: () => address(options, server.port, "code", services.session.createCode()),
			port: server.port,
			close: async () => {
				const ended = await services.jobs.close();
				await server.close();
				return ended;
			},
		};
	}
	throw new AgentvError("config", `port ${options.port} is taken`, {
		hint: "choose another with --port, or leave it out and the next free one is taken",
	});
}

function address({ host }: StudioOptions, port: number, name: "token" | "code", value: string): string {
	return `http://${host.includes(":") ? `[${host}]` : host}:${port}/?${name}=${encodeURIComponent(value)}`;
}

interface Listening {
	readonly port: number;
	close(): Promise<void>;
}

/** Listens, or `undefined` where the port is taken. */
function listen(
	fetch: ReturnType<typeof createApi>["fetch"],
	hostname: string,
	port: number,
): Promise<Listening | undefined> {
	return new Promise((resolve, reject) => {
		const server = serve({ fetch, hostname, port }, (info) => {
			const close = () =>
				new Promise<void>((done) => {
					server.close(() => done());
					// Event streams stay open as long as a page does; they end with us.
					if ("closeAllConnections" in server) server.closeAllConnections();
				});
			resolve({ port: info.port, close });
		});
		server.on("error", (error: NodeJS.ErrnoException) => {
			if (error.code === "EADDRINUSE") resolve(undefined);
			else
				reject(new AgentvError("config", `cannot listen on ${hostname}:${port}: ${error.message}`, { cause: error }));
		});
	});
}
