import { Hono } from "hono";
import type { Services } from "../services.ts";

/** `GET /api/about`: what this Studio is, for the page's frame. */
export function aboutReads({ options }: Services) {
	return new Hono().get("/", (c) =>
		c.json({ version: options.version, read_only: options.readOnly, cwd: options.cwd }),
	);
}
