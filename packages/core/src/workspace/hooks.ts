import { basename, dirname, join } from "node:path";
import { shownCommand } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { AgentRuleKind, Extension, Hook, HookName } from "../eval/eval-types.ts";
import { wireHookNames } from "../eval/load-workspace.ts";
import { resolveWithinReach } from "../eval/read-shape.ts";
import type { DiskView } from "../eval/source.ts";
import { AgentvError } from "../lib/errors.ts";
import { copyTree } from "../machine/copy-tree.ts";
import { makeDirectory } from "../machine/directories.ts";
import { removeTree, targetKind } from "../machine/files.ts";
import { describeLeft, type ProcessScope } from "../machine/process-scope.ts";
import { readBytes } from "../machine/read-file.ts";
import type { ProcessResult } from "../machine/run-process.ts";
import { writeNewFile } from "../machine/write-file.ts";
import {
	type PrintedLog,
	staged,
	stoppedError,
	WorkspaceError,
	type WorkspaceServices,
	type WorkspaceSpec,
	type WorkspaceStage,
	type WorkspaceWarning,
	warned,
} from "./contract.ts";
import {
	type AgentRulesPaths,
	type ExtensionHosts,
	type ExtensionState,
	joinPaths,
	withReturned,
} from "./extension-hosts.ts";
import { pathWithin } from "./patch.ts";

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
			current = await runExtension(extension, name, runner, run, current);
		}
		for (const hook of hooksAt(runner.spec, name)) await runHook(name, hook, runner, run);
		return current;
	});
}

/** Continues after failures. It is the last in its scope, so remaining processes end. */
export async function runAfter(
	runner: StageRunner,
	name: "afterEach" | "afterAll",
	run: StageRun,
	state: ExtensionState,
): Promise<{ readonly state: ExtensionState; readonly warnings: readonly WorkspaceWarning[] }> {
	const stage: WorkspaceStage = name === "afterEach" ? "after_each" : "after_all";
	const warnings: WorkspaceWarning[] = [];
	let current = state;
	await run.scope.run(async () => {
		for (const extension of extensionsAt(runner.spec.extensions, name)) {
			const failures = await warned(stage, async () => {
				current = await runExtension(extension, name, runner, run, current);
			});
			warnings.push(...failures);
		}
		for (const hook of hooksAt(runner.spec, name))
			warnings.push(...(await warned(stage, () => runHook(name, hook, runner, run))));
	});
	warnings.push(...(await endScope(run.scope, "hooks and extensions")));
	return { state: current, warnings };
}

/** Ends the processes of a scope. @param who started them, for messages */
export async function endScope(scope: ProcessScope, who: string): Promise<WorkspaceWarning[]> {
	// Hooks belong to the user: a process that only started during them is not attributed to them.
	const left = (await scope.end()).filter(({ isCertain }) => isCertain);
	return left.map((one) => ({ stage: "clean_up", code: "process-left", message: describeLeft(one, who) }));
}

/** The input of a hook, of a test or the whole run. */
export interface HookSubject {
	readonly workspacePath: string;
	/** `__before_all__` and `__after_all__` for hooks of the run. */
	readonly testId: string;
	readonly runId: string;
	readonly input?: unknown;
	readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

const defaultTimeoutMs = 60_000;
/** Bytes of each output stream that are kept for the message. */
const maxBuffer = 64 * 1024;

/** Runs one hook. @throws WorkspaceError if it fails */
async function runHook(
	name: HookName,
	hook: Hook,
	{ spec, services }: StageRunner,
	{ subject, signal, log = services.log }: StageRun,
): Promise<void> {
	if (!hook.command) return;
	const stage = wireHookNames[name] as WorkspaceStage;
	const { workspacePath, testId, runId, input = null, metadata = {} } = subject;
	const timeoutMs = hook.timeoutMs ?? defaultTimeoutMs;
	const values = { workspace_path: workspacePath, test_id: testId, eval_run_id: runId };
	const result = await services.runCommand(hook.command, {
		values,
		env: { ...spec.workspace?.env, ...services.programEnv, AGENTV_WORKSPACE_PATH: workspacePath },
		input: JSON.stringify({ ...values, case_input: input, case_metadata: metadata, metadata }),
		timeoutMs,
		maxBuffer,
		...(signal ? { signal } : {}),
	});
	log?.(stage, shownCommand(hook.command), result.stdout + result.stderr);
	if (result.aborted) throw stoppedError(stage, `the ${stage} hook`, services.signal);
	const problem = problemOf(result, timeoutMs);
	if (problem) throw new WorkspaceError(stage, problem.reason, `the ${stage} hook ${problem.message}`);
}

function problemOf(result: ProcessResult, timeoutMs: number): { reason: string; message: string } | undefined {
	const said = lastWords(result.stderr) || lastWords(result.stdout);
	const words = said === "" ? "" : `: ${said}`;
	if (result.startError) {
		const reason = errnoReasons[result.startError.code] ?? "not-started";
		return { reason, message: `could not be started: ${result.startError.message}` };
	}
	if (result.timedOut)
		return { reason: "timeout", message: `did not finish within ${timeoutMs} ms and was ended${words}` };
	if (result.signal) return { reason: "signal", message: `was ended by ${result.signal}${words}` };
	if (result.exitCode !== 0) return { reason: "exit-code", message: `exited with code ${result.exitCode}${words}` };
	return undefined;
}

const errnoReasons: Readonly<Record<string, string>> = { ENOENT: "not-found", EACCES: "not-executable" };

/** Returns the last few lines of a program's output. */
function lastWords(text: string): string {
	return text.trim().split("\n").slice(-5).join("\n").slice(-1000);
}

export function extensionsAt(extensions: readonly Extension[], name: HookName): Extension[] {
	return extensions.filter((one) => (one.kind === "module" ? one.exportName : one.hook) === name);
}

/** Runs one extension at the hook `name` and returns the new state. @throws WorkspaceError */
async function runExtension(
	extension: Extension,
	name: HookName,
	{ spec: { scope }, services, hosts }: StageRunner,
	{ subject, signal, log = services.log }: StageRun,
	state: ExtensionState,
): Promise<ExtensionState> {
	const stage = wireHookNames[name] as WorkspaceStage;
	return staged(stage, async () => {
		if (extension.kind === "agent-rules") {
			const paths = await agentRules(extension, subject.workspacePath, { scope, view: services.view, signal });
			return { ...state, agentRulesPaths: joinPaths(state.agentRulesPaths, paths) };
		}
		const shown = extension.module.raw;
		const module = resolveWithinReach(extension.module, scope, services.view);
		if (module.kind !== "file") throw new WorkspaceError(stage, "not-found", `extension ${shown} does not exist`);
		const context = contextOf(name, subject, state, scope);
		const { exportName, timeoutMs } = extension;
		const call = { module: module.path, shown, exportName, context, stage, log, timeoutMs };
		const returned = await hosts.call({ ...call, signal, runSignal: services.signal });
		try {
			return withReturned(state, returned);
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			throw new WorkspaceError(stage, "extension-error", `extension ${shown} (${name}): ${reason}`);
		}
	});
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
async function agentRules(
	extension: AgentRules,
	workspace: string,
	at: { readonly scope: EvalScope; readonly view: DiskView; readonly signal?: AbortSignal | undefined },
): Promise<AgentRulesPaths> {
	if (!extension.paths) return discover(workspace);
	const copied: Partial<Record<AgentRuleKind, string[]>> = {};
	for (const kind of Object.keys(places) as AgentRuleKind[]) {
		for (const text of extension.paths[kind] ?? []) {
			const from = resolveWithinReach(text, at.scope, at.view);
			if (from.kind === "missing") throw new AgentvError("not-found", `${kind}: ${from.path} does not exist`);
			// Loading has checked that names are unique.
			const copy = await stage(from.path, workspace, `${kind}/${basename(from.path)}`, at.signal);
			copied[kind] = [...(copied[kind] ?? []), copy];
		}
	}
	return copied;
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
