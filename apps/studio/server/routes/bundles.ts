import { streamArchive } from "@agentv/core";
import { Hono } from "hono";
import { z } from "zod";
import { findBundle, listBundles } from "../bundles.ts";
import type { Services } from "../problem.ts";
import { query } from "../request.ts";

const archiveQuery = z.object({ format: z.enum(["tgz", "zip"]).optional() });
const types = { tgz: "application/gzip", zip: "application/zip" } as const;

/** `GET /api/bundles`, `/:id`, `/:id/archive`. */
export function bundleReads({ options }: Services) {
	return new Hono()
		.get("/", (c) => c.json({ bundles: listBundles(options) }))
		.get("/:id", (c) => c.json({ bundle: findBundle(c.req.param("id"), options) }))
		.get("/:id/archive", query(archiveQuery), async (c) => {
			const { format = "tgz" } = c.req.valid("query");
			const { directory } = findBundle(c.req.param("id"), options);
			const { name, size, stream } = await streamArchive(directory, format, { signal: c.req.raw.signal });
			return c.body(stream, 200, {
				"content-type": types[format],
				"content-length": String(size),
				"content-disposition": `attachment; filename="${name}"`,
			});
		});
}
