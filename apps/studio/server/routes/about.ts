import { Hono } from "hono";
import type { Services } from "../problem.ts";

export function aboutReads({ options }: Services) {
	return new Hono().get("/", (c) =>
		c.json({ version: options.version, read_only: options.readOnly, cwd: options.cwd }),
	);
}
