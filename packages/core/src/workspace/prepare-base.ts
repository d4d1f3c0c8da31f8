import { join } from "node:path";
import { makeDirectory } from "../io/files/make-directory.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { ProcessScope } from "../io/process/process-scope.ts";
import { makeBaseline } from "./baseline.ts";
import { ChangeStore } from "./change-store.ts";
import type { PreparedBase, WorkspaceServices, WorkspaceSpec } from "./contract.ts";
import { ExtensionHosts } from "./extension-hosts.ts";
import { type ExtensionState, emptyState } from "./extension-state.ts";
import { IgnoreRules } from "./ignore-rules.ts";
import { placeTemplate } from "./place-template.ts";
import { Pristine } from "./pristine.ts";
import { type PlacedRepositories, placeRepositories } from "./repositories/place-repositories.ts";
import { endScope, runAfter, runBefore, type StageRun, type StageRunner } from "./run-stage.ts";
import { WorkspaceBase } from "./workspace-base.ts";
import { staged } from "./workspace-error.ts";
import { workspaceKey } from "./workspace-key.ts";

/**
 * Prepares what the tests of a spec share, once: template, repositories, extensions' `beforeAll`,
 * `before_all`, baseline commit.
 * @throws WorkspaceError if one of these fails (every test of the spec is then an execution error);
 * AgentvError `interrupted`
 */
export async function prepareWorkspaceBase(spec: WorkspaceSpec, services: WorkspaceServices): Promise<PreparedBase> {
	const home = await staged("template", () => makeTempDir(`${workspaceKey(spec).slice(0, 12)}-`, services.directory));
	const hosts = new ExtensionHosts({ ...services.env, ...spec.workspace?.env, ...services.programEnv });
	const runner: StageRunner = { spec, services, hosts };
	const path = join(home, "base");
	const processes = new ProcessScope([home]);
	const subject = { workspacePath: path, testId: "__before_all__", runId: services.runId };
	const beforeAll: StageRun = { subject, scope: processes, signal: services.signal };
	try {
		const { records: repositories, paths } = await fill(path, spec, services);
		const state = await afterFailure(runner, beforeAll, () => runBefore(runner, "beforeAll", beforeAll, emptyState));
		const pristine = await staged("baseline", () => finish(home, path, spec, services, paths));
		const store = new ChangeStore(join(home, "changes.git"), services.processEnv);
		const rules = new IgnoreRules(pristine, store, join(home, "rules"));
		return new WorkspaceBase({ runner, home, path, repositories, state, processes, pristine, store, rules });
	} catch (error) {
		await hosts.end();
		for (const { message } of await endScope(processes, "hooks and extensions"))
			services.log?.("clean_up", "agentv", message);
		await removeTree(home);
		throw error;
	}
}

/** Adds template and repositories. */
async function fill(path: string, spec: WorkspaceSpec, services: WorkspaceServices): Promise<PlacedRepositories> {
	const { view, signal, agentvHome, processEnv, recordedCommit } = services;
	const { workspace, scope } = spec;
	throwIfAborted(signal, "preparing the workspace");
	await staged("template", async () => {
		makeDirectory(path);
		if (workspace?.template) await placeTemplate(workspace.template, path, { scope, view, signal });
	});
	throwIfAborted(signal, "preparing the workspace");
	const repositoryServices = { scope, view, env: processEnv, agentvHome, signal, recordedCommit };
	return staged("repositories", () => placeRepositories(workspace?.repos ?? [], path, repositoryServices));
}

/** Creates the baseline commit, and for a shared workspace the copy to reset it from. */
async function finish(
	home: string,
	path: string,
	spec: WorkspaceSpec,
	services: WorkspaceServices,
	paths: readonly string[],
): Promise<Pristine> {
	throwIfAborted(services.signal, "preparing the workspace");
	const { processEnv: env, signal } = services;
	await makeBaseline(path, { env, signal, repositories: paths, stores: join(home, "objects") });
	if (spec.workspace?.isolation === "per_test") return new Pristine(path);
	return Pristine.of(path, join(home, "pristine"), signal);
}

/** Runs the after-hooks, because a failed `beforeAll` can have succeeded in part. */
async function afterFailure(
	runner: StageRunner,
	run: StageRun,
	work: () => Promise<ExtensionState>,
): Promise<ExtensionState> {
	try {
		return await work();
	} catch (error) {
		const { warnings } = await runAfter(
			runner,
			"afterAll",
			{ ...run, subject: { ...run.subject, testId: "__after_all__" }, signal: undefined },
			emptyState,
		);
		for (const { message } of warnings) runner.services.log?.("clean_up", "agentv", message);
		throw error;
	}
}
