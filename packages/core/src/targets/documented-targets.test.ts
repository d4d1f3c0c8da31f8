import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectTable, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { findScope } from "../eval/discover-evals.ts";
import { loadTargets } from "../eval/load-targets.ts";
import { resolveTarget } from "../eval/resolve-target.ts";
import { openDiskView } from "../eval/source.ts";
import { providers } from "./providers/index.ts";
import { providerHeadings, providerRows } from "./testing/docs-rows.ts";

test("docs/targets.md shows a usable target of every provider", () => {
	const text = readFileSync(new URL("../../../../docs/targets.md", import.meta.url), "utf8");
	const yaml = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
	const directory = tempTree({ "targets.yaml": yaml });
	const view = openDiskView();
	const keys = [...yaml.matchAll(/\$\{\{ (\w+) \}\}/g)].map((match) => [match[1] ?? "", "a-key-of-a-vendor"]);
	const scope = loadTargets(findScope(directory, directory, view), { view, env: Object.fromEntries(keys) });
	const resolved = scope.names.map((name) =>
		resolveTarget({ name, at: { file: join(directory, "x"), path: [] } }, scope),
	);
	expect(resolved.flatMap(({ diagnostics }) => diagnostics.map(({ message }) => message))).toEqual([]);
	const shown = resolved.flatMap((one) => (one.ok ? [one.target.provider] : []));
	expect(new Set(shown)).toEqual(new Set(Object.keys(providers)));
});

test("docs/targets.md contains the table of providers (AGENTV_UPDATE_DOCS=1 updates it)", () => {
	expectTable("docs/targets.md", providerHeadings, providerRows());
});
