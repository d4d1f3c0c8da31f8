import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { findExecutable } from "./run-process.ts";

test("searches PATH for a bare name, and resolves a name with a slash against the directory", () => {
	const root = tempTree({ "bin/tool": "#!/bin/sh\n", "bin/plain": "no program" });
	chmodSync(join(root, "bin/tool"), 0o755);
	writeFileSync(join(root, "plain"), "");
	const env = { PATH: `/nowhere:${join(root, "bin")}` };
	expect(findExecutable("tool", env, "/")).toBe(join(root, "bin/tool"));
	expect(findExecutable("plain", env, "/")).toBeUndefined();
	expect(findExecutable("./bin/tool", {}, root)).toBe(join(root, "bin/tool"));
	expect(findExecutable("bin", {}, root)).toBeUndefined();
	expect(findExecutable("tool", { PATH: "bin" }, root)).toBe(join(root, "bin/tool"));
	expect(findExecutable("", env, root)).toBeUndefined();
});
