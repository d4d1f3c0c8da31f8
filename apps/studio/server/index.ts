import { join } from "node:path";
import { AgentvError, readTextFile } from "@agentv/core";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono } from "hono";
import { compress } from "hono/compress";
import { createApi } from "./app.ts";
import type { StudioOptions } from "./find-eval.ts";
import { cookieValues } from "./guard.ts";
import { createServices, type Services } from "./problem.ts";

export type { StudioOptions } from "./find-eval.ts";

export interface RunningStudio {
	/** Contains `?token=…`, valid until Studio ends. */
	readonly url: string;
	/** Works once, within a minute: other users can read a browser's command line. */
	linkForOneUse(): string;
	readonly port: number;
	/** Stops running jobs, waits for them, and returns their number. */
	close(): Promise<number>;
}

/**
 * Starts Studio on `port`, or the next free one unless `exactPort`.
 * @throws AgentvError `config` if that port is in use
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
	throw new AgentvError("config", `port ${options.port} is already in use`, {
		hint: "Choose another port, or omit --port to use the next free one.",
	});
}

function address({ host }: StudioOptions, port: number, name: "token" | "code", value: string): string {
	return `http://${host.includes(":") ? `[${host}]` : host}:${port}/?${name}=${encodeURIComponent(value)}`;
}

interface Listening {
	readonly port: number;
	close(): Promise<void>;
}

/** Resolves to undefined if the port is in use. */
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
					// Event streams would keep the server open as long as their pages.
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

/** Serves index.html for all paths but assets; after a login, it contains the key. */
export function addPages(app: Hono, { options, session }: Services): void {
	app.use("/assets/*", async (c, next) => {
		await next();
		if (c.res.ok) c.header("Cache-Control", "public, max-age=31536000, immutable");
	});
	app.use("/assets/*", compress());
	app.use("/assets/*", serveStatic({ root: options.pages, rewriteRequestPath: (path) => path }));
	app.use("/favicon.svg", serveStatic({ root: options.pages }));
	app.get("*", (c, next) => {
		if (c.req.path.startsWith("/api/") || c.req.path.startsWith("/assets/")) return next();
		const page = readTextFile(join(options.pages, "index.html"));
		const key = session.keyForPage(cookieValues(c.req.header("cookie")));
		return c.html(page.replace("__AGENTV_KEY__", key ?? ""));
	});
}
