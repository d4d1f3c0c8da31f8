import { executedCommands, resolvedTargets, type TargetUse, targetDestination } from "@agentv/core";
import type { CommandAnswer, TargetAnswer, WorkspaceAnswer } from "./answers/evals.ts";
import type { OpenedEval } from "./opened-eval.ts";

/** Describes the targets of an eval: provider, host and key variables. */
export function describeTargets(opened: OpenedEval): TargetAnswer[] {
	const seen = new Set<string>();
	return opened.uses.flatMap((use) => {
		const { role, choice, implied, resolution } = use;
		const key = `${role}\0${choice.name}`;
		// Omits an implied grader that is not needed.
		if (seen.has(key) || (implied && role !== "target" && !resolution.ok)) return [];
		seen.add(key);
		return [describeTarget(use, opened)];
	});
}

function describeTarget({ role, choice, resolution }: TargetUse, opened: OpenedEval): TargetAnswer {
	const { redact, targets, loaded, env } = opened;
	const base = { name: choice.name, role };
	if (!resolution.ok) {
		const message = resolution.diagnostics[0]?.message ?? "can't be resolved";
		const nothing = {
			provider: null,
			model: null,
			host: null,
			keys: [],
			literal_key: false,
			inherits_environment: false,
		};
		return {
			...base,
			...nothing,
			via: resolution.via.map(({ definition }) => definition.name),
			problem: redact(message),
		};
	}
	const { target } = resolution;
	const sources = new Map([...loaded.sources, ...targets.sources]);
	const { host, keys, literalKey, inheritsEnvironment } = targetDestination(target, { sources }, env);
	const model = target.wire.model ?? target.wire.deployment;
	return {
		...base,
		provider: target.provider,
		model: typeof model === "string" ? redact(model) : null,
		via: target.via.map(({ definition }) => definition.name),
		host: host ?? null,
		keys,
		literal_key: literalKey,
		inherits_environment: inheritsEnvironment,
		problem: null,
	};
}

/** Lists everything that a run of the eval executes on this machine. */
export function describeCommands(opened: OpenedEval): CommandAnswer[] {
	const { loaded, uses, redact, where } = opened;
	return executedCommands(loaded, resolvedTargets(uses)).map(({ kind, name, text, shell, at }) => ({
		kind,
		name,
		command: redact(text),
		at: where(at),
		shell,
	}));
}

/** Describes the tests' workspace. */
export function describeWorkspace({ loaded, redact }: OpenedEval): WorkspaceAnswer | null {
	const { workspace } = loaded.suite;
	if (!workspace) return null;
	return {
		template: workspace.template ? redact(workspace.template.raw) : null,
		isolation: workspace.isolation,
		repos: workspace.repos.map(({ path, repo, commit }) => ({
			path,
			repo: redact(repo),
			commit: commit === undefined ? null : redact(commit),
		})),
	};
}
