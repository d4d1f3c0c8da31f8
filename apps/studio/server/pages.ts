import { join } from "node:path";
import { readTextFile } from "@agentv/core";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono } from "hono";
import { compress } from "hono/compress";
import { cookieValues } from "./login.ts";
import type { Services } from "./services.ts";

/** Adds the built pages: immutable assets, and index.html for all other paths. After a login, it contains the key. */
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
