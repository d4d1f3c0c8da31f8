import { basename, dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { copyTree } from "../io/files/copy-tree.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { readBytes } from "../io/files/read-text.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { writeNewFile } from "../io/files/write-new.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { AgentRuleKind, Extension } from "../model/eval-types.ts";
import { resolveWithinReach } from "../model/reach.ts";
import type { AgentRulesPaths } from "./extension-state.ts";
import { pathWithin } from "./safe-path.ts";

type AgentRules = Extract<Extension, { kind: "agent-rules" }>;

/** Where agents search rules in a workspace. */
const places: Readonly<Record<AgentRuleKind, readonly string[]>> = {
	skills: [".claude/skills", ".agents/skills", ".codex/skills", ".pi/skills", "skills"],
	hooks: [".claude/hooks", ".agents/hooks", ".codex/hooks", ".pi/hooks", "hooks"],
	agents: [".agents/agents", ".codex/agents", "agents"],
	rules: ["AGENTS.md", "CLAUDE.md", "rules"],
};

/**
 * The built-in extension `agentv:agent-rules`: stages its files under `.agentv/agent-rules/<kind>/`
 * of the workspace or, if it has none, finds existing rules. Returns absolute paths by kind.
 * @throws AgentvError for missing files, or a path outside the workspace
 */
export async function agentRules(
	extension: AgentRules,
	workspace: string,
	at: { readonly scope: EvalScope; readonly view: DiskView; readonly signal?: AbortSignal | undefined },
): Promise<AgentRulesPaths> {
	if (!extension.paths) return discover(workspace);
	const staged: Partial<Record<AgentRuleKind, string[]>> = {};
	for (const kind of Object.keys(places) as AgentRuleKind[]) {
		for (const text of extension.paths[kind] ?? []) {
			const from = resolveWithinReach(text, "agent rules", at.scope, at.view);
			if (from.kind === "missing") throw new AgentvError("not-found", `${kind}: ${from.path} does not exist`);
			// Loading has checked that names are unique.
			staged[kind] = [
				...(staged[kind] ?? []),
				await stage(from.path, workspace, `${kind}/${basename(from.path)}`, at.signal),
			];
		}
	}
	return staged;
}

async function stage(from: string, workspace: string, path: string, signal: AbortSignal | undefined): Promise<string> {
	const parent = pathWithin(workspace, dirname(join(".agentv/agent-rules", path)), "the directory for agent rules");
	const goal = join(parent, basename(path));
	makeDirectory(parent);
	await removeTree(goal);
	if (targetKind(from) === "directory") await copyTree(from, goal, { signal });
	else writeNewFile(goal, readBytes(from));
	return goal;
}

function discover(workspace: string): AgentRulesPaths {
	return Object.fromEntries(
		Object.entries(places).map(([kind, paths]) => [
			kind,
			paths.map((path) => join(workspace, path)).filter((path) => targetKind(path) !== "missing"),
		]),
	);
}
