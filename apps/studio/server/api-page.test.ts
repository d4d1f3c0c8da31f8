import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createApi } from "./app.ts";
import { testStudio } from "./testing/test-studio.ts";

const page = readFileSync(new URL("../../../docs/studio-api.md", import.meta.url), "utf8");

it("the API's documentation has exactly one row for each route", () => {
	const rows = [...page.matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) \/api\/[^`]+)`/gm)].map(([, route]) => route);
	const routes = createApi(testStudio().services).routes.filter(({ method }) => method !== "ALL");
	const served = new Set(routes.map(({ method, path }) => `${method} ${path}`));
	expect(rows.sort()).toEqual([...served].sort());
});
