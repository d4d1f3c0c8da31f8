import { Hono } from "hono";
import { findBundle, listBundles } from "../bundle-shelf.ts";
import type { Services } from "../services.ts";

/** `GET /api/bundles`, `/:id`: what Studio has bundled. */
export function bundleReads({ options }: Services) {
	return new Hono()
		.get("/", (c) => c.json({ bundles: listBundles(options) }))
		.get("/:id", (c) => c.json({ bundle: findBundle(c.req.param("id"), options) }));
}
