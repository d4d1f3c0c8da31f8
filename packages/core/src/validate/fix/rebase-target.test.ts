import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";
import { openDiskView } from "../../eval/source.ts";
import { rebaseTarget } from "./bring-targets.ts";

it("fixes a moved definition for its new file: absolute paths into the repository, and backslashes", () => {
	const root = tempTree({ "tools/run.mjs": "", "tools/answers.jsonl": "" });
	const move = { from: root, to: join(root, "a/evals"), root, view: openDiskView(), env: {} };
	const rebased = (settings: object) => rebaseTarget({ ...settings }, move);
	expect(rebased({ fixtures: join(root, "tools/answers.jsonl") })).toEqual({ fixtures: "../../tools/answers.jsonl" });
	expect(rebased({ fixtures: "/tools/answers.jsonl" })).toEqual({ fixtures: "../../tools/answers.jsonl" });
	expect(rebased({ command: ["node", join(root, "tools/run.mjs")] })).toEqual({
		command: ["node", "../../tools/run.mjs"],
	});
	expect(rebased({ command: ["node", "tools\\run.mjs"] })).toEqual({ command: ["node", "../../tools/run.mjs"] });
	expect(rebased({ cwd: join(root, "tools"), command: ["node", join(root, "tools/run.mjs")] })).toEqual({
		cwd: "../../tools",
		command: ["node", "./run.mjs"],
	});
	// Paths outside of the repository don't change.
	expect(rebased({ fixtures: "/nowhere/x.jsonl", command: ["/bin/sh", "-c", "true"] })).toEqual({
		fixtures: "/nowhere/x.jsonl",
		command: ["/bin/sh", "-c", "true"],
	});
});
