import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Extension, HookName } from "../model/eval-types.ts";
import { wireHookNames } from "../model/load-workspace.ts";
import { resolveWithinReach } from "../model/reach.ts";
import { agentRules } from "./agent-rules.ts";
import type { PrintedLog, WorkspaceStage } from "./contract.ts";
import type { ExtensionHosts } from "./extension-hosts.ts";
import { type ExtensionState, joinPaths, withReturned } from "./extension-state.ts";
import type { HookSubject } from "./run-hook.ts";
import { atStage, WorkspaceError } from "./workspace-error.ts";

export interface ExtensionServices {
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly hosts: ExtensionHosts;
	readonly signal?: AbortSignal | undefined;
	/** Tells whether an abort of `signal` stopped the whole run. */
	readonly runSignal?: AbortSignal | undefined;
	readonly log?: PrintedLog | undefined;
}

/** Returns the extensions with a function for a hook. */
export function extensionsAt(extensions: readonly Extension[], name: HookName): Extension[] {
	return extensions.filter((one) => (one.kind === "module" ? one.exportName : one.hook) === name);
}

/** Runs one extension at the hook `name` and returns the new state. @throws WorkspaceError */
export async function runExtension(
	extension: Extension,
	name: HookName,
	subject: HookSubject,
	state: ExtensionState,
	services: ExtensionServices,
): Promise<ExtensionState> {
	const stage = wireHookNames[name] as WorkspaceStage;
	try {
		if (extension.kind === "agent-rules") {
			const paths = await agentRules(extension, subject.workspacePath, services);
			return { ...state, agentRulesPaths: joinPaths(state.agentRulesPaths, paths) };
		}
		const shown = extension.module.raw;
		const module = resolveWithinReach(extension.module, "extension module", services.scope, services.view);
		if (module.kind !== "file") throw new WorkspaceError(stage, "not-found", `extension ${shown} does not exist`);
		const context = contextOf(name, subject, state, services.scope);
		const { log } = services;
		const { exportName, timeoutMs } = extension;
		const call = { module: module.path, shown, exportName, context, stage, log, timeoutMs };
		const returned = await services.hosts.call({ ...call, signal: services.signal, runSignal: services.runSignal });
		return merged(state, returned, `extension ${shown} (${name})`, stage);
	} catch (error) {
		throw atStage(stage, error);
	}
}

function merged(state: ExtensionState, value: unknown, who: string, stage: WorkspaceStage): ExtensionState {
	try {
		return withReturned(state, value);
	} catch (error) {
		throw new WorkspaceError(
			stage,
			"extension-error",
			`${who}: ${error instanceof Error ? error.message : String(error)}`,
		);
	}
}

/** Returns the first argument of an extension's function. */
function contextOf(
	name: HookName,
	subject: HookSubject,
	state: ExtensionState,
	scope: EvalScope,
): Readonly<Record<string, unknown>> {
	return {
		hook_name: name,
		workspace_path: subject.workspacePath,
		test_id: subject.testId,
		eval_run_id: subject.runId,
		eval_dir: scope.directory,
		case_input: subject.input ?? null,
		case_metadata: subject.metadata ?? {},
		provider_context: state.providerContext,
		agent_rules_paths: state.agentRulesPaths ?? {},
	};
}
