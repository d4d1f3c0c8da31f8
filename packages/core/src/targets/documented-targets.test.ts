import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { openDiskView } from "../model/disk-view.ts";
import { findScope } from "../model/eval-scope.ts";
import { loadTargets } from "../model/load-targets.ts";
import { resolveTarget } from "../model/resolve-target.ts";
import { providerSchemas } from "../schema/target-file.ts";

test("docs/targets.md shows a target of every provider, and each can be used", () => {
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
	expect(new Set(shown)).toEqual(new Set(Object.keys(providerSchemas)));
	for (const provider of Object.keys(providerSchemas)) expect(text).toContain(`| \`${provider}\` `);
});
