import { describeLeft, type ProcessScope } from "../io/process/process-scope.ts";
import type { Hook, HookName } from "../model/eval-types.ts";
import type { PrintedLog, WorkspaceServices, WorkspaceSpec, WorkspaceStage, WorkspaceWarning } from "./contract.ts";
import type { ExtensionHosts } from "./extension-hosts.ts";
import type { ExtensionState } from "./extension-state.ts";
import { extensionsAt, runExtension } from "./run-extensions.ts";
import { type HookSubject, runHook } from "./run-hook.ts";
import { warned } from "./workspace-error.ts";

/** Runs extensions, then hooks; after-hooks in reverse. */
export interface StageRunner {
	readonly spec: WorkspaceSpec;
	readonly services: WorkspaceServices;
	readonly hosts: ExtensionHosts;
}

export interface StageRun {
	readonly subject: HookSubject;
	/** Owns processes that hooks and extensions leave running. */
	readonly scope: ProcessScope;
	readonly signal?: AbortSignal | undefined;
	/** The attempt's log; without it the output belongs to the run. */
	readonly log?: PrintedLog | undefined;
}

/** Returns the hooks with a command at `name`, in run order. */
export function hooksAt(spec: WorkspaceSpec, name: HookName): Hook[] {
	const hooks = [spec.workspace?.hooks[name], spec.targetHooks?.[name]];
	if (name === "afterEach" || name === "afterAll") hooks.reverse();
	return hooks.filter((hook): hook is Hook => hook?.command !== undefined);
}

export function hasStage(spec: WorkspaceSpec, name: HookName): boolean {
	return hooksAt(spec, name).length > 0 || extensionsAt(spec.extensions, name).length > 0;
}

/** Runs a before-stage; the first failure ends it. Returns the new state. @throws WorkspaceError */
export async function runBefore(
	runner: StageRunner,
	name: "beforeAll" | "beforeEach",
	run: StageRun,
	state: ExtensionState,
): Promise<ExtensionState> {
	return run.scope.run(async () => {
		let current = state;
		for (const extension of extensionsAt(runner.spec.extensions, name)) {
			current = await runExtension(extension, name, run.subject, current, extensionServices(runner, run));
		}
		for (const hook of hooksAt(runner.spec, name)) await runHook(name, hook, run.subject, hookServices(runner, run));
		return current;
	});
}

/** Continues after failures. It is the last in its scope, so remaining processes end. */
export async function runAfter(
	runner: StageRunner,
	name: "afterEach" | "afterAll",
	run: StageRun,
	state: ExtensionState,
): Promise<AfterStage> {
	const after = await run.scope.run(() => afterStage(runner, name, run, state));
	return { ...after, warnings: [...after.warnings, ...(await endScope(run.scope, "hooks and extensions"))] };
}

interface AfterStage {
	readonly state: ExtensionState;
	readonly warnings: readonly WorkspaceWarning[];
}

/** Ends the processes of a scope. @param who started them, for messages */
export async function endScope(scope: ProcessScope, who: string): Promise<WorkspaceWarning[]> {
	// Hooks belong to the user: a process that only started during them is not attributed to them.
	const left = (await scope.end()).filter(({ isCertain }) => isCertain);
	return left.map((one) => ({ stage: "clean_up", code: "process-left", message: describeLeft(one, who) }));
}

async function afterStage(
	runner: StageRunner,
	name: "afterEach" | "afterAll",
	run: StageRun,
	state: ExtensionState,
): Promise<AfterStage> {
	const stage: WorkspaceStage = name === "afterEach" ? "after_each" : "after_all";
	const warnings: WorkspaceWarning[] = [];
	let current = state;
	for (const extension of extensionsAt(runner.spec.extensions, name)) {
		const failures = await warned(stage, async () => {
			current = await runExtension(extension, name, run.subject, current, extensionServices(runner, run));
		});
		warnings.push(...failures);
	}
	for (const hook of hooksAt(runner.spec, name)) {
		warnings.push(...(await warned(stage, () => runHook(name, hook, run.subject, hookServices(runner, run)))));
	}
	return { state: current, warnings };
}

function extensionServices({ spec, services, hosts }: StageRunner, { signal, log = services.log }: StageRun) {
	return { scope: spec.scope, view: services.view, hosts, signal, runSignal: services.signal, log };
}

function hookServices({ spec, services }: StageRunner, { signal, log = services.log }: StageRun) {
	const env = { ...spec.workspace?.env, ...services.programEnv };
	return { runCommand: services.runCommand, env, signal, runSignal: services.signal, log };
}
