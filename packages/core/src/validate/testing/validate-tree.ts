import { join } from "node:path";
import { type FileContent, gitRepository, tempTree, writeTree } from "@agentv/test-support";
import { openDiskView } from "../../model/disk-view.ts";
import { parseRuleLevels } from "../rule-levels.ts";
import { validateEvals } from "../validate-evals.ts";

export interface TreeOptions {
	/** The eval that is validated. Default `evals/eval.yaml`. */
	readonly eval?: string;
	/** Written after the commit. */
	readonly later?: Readonly<Record<string, FileContent>>;
	/** Without any repository. */
	readonly bare?: boolean;
	readonly env?: Readonly<Record<string, string>>;
	readonly levels?: readonly string[];
}

/** A committed tree that finds nothing: what tests change or add. */
export const sound: Readonly<Record<string, FileContent>> = {
	"evals/eval.yaml": "target: local\ntests:\n  - id: a\n    input: Say hello\n    criteria: greets\n",
	"evals/targets.yaml": "targets:\n  - name: local\n    provider: mock\n",
};

/** Validates an eval of a tree; each finding as `rule file:line:column severity message`. */
export async function validateTree(files: Readonly<Record<string, FileContent>>, options: TreeOptions = {}) {
	const root = tempTree();
	if (options.bare) writeTree(root, { ...sound, ...files });
	else gitRepository(root, { ...sound, ...files });
	writeTree(root, options.later ?? {});
	// biome-ignore lint/style/noRestrictedGlobals: git has to be found
	const env = { PATH: process.env.PATH, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", ...options.env };
	const levels = parseRuleLevels(options.levels ?? []);
	const validation = validateEvals([join(root, options.eval ?? "evals/eval.yaml")], {
		view: openDiskView(),
		env,
		cwd: root,
		levels,
	});
	for await (const result of validation) {
		const shown = (text: string) => text.replaceAll(`${root}/`, "").replaceAll(root, ".");
		const findings = result.diagnostics.map(({ rule, at, range, severity, message }) =>
			shown(`${rule} ${at.file}:${range.start.line}:${range.start.column} ${severity} ${message}`),
		);
		return { root, result, findings };
	}
	throw new Error("nothing was validated");
}
