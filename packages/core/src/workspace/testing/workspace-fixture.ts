import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { loadEval } from "../../eval/load-eval.ts";
import { commandRunner } from "../../eval/resolve-command.ts";
import { openDiskView } from "../../eval/source.ts";
import type { WorkspaceServices, WorkspaceSpec, WorkspaceTest } from "../contract.ts";

/** An eval as written by a user, ready to be prepared. */
export interface WorkspaceFixture {
	/** Directory of the eval and its files. */
	readonly root: string;
	readonly spec: WorkspaceSpec;
	readonly services: WorkspaceServices;
	/** Lines that hooks and extensions printed. */
	readonly lines: string[];
	readonly abort: AbortController;
}

/** Creates an eval from `evalText`, which has no tests. The run may read everything. */
export function workspaceFixture(
	evalText: string,
	files: Readonly<Record<string, string>> = {},
	more: Partial<WorkspaceServices> = {},
): WorkspaceFixture {
	const root = tempTree({ ...files, "x.eval.yaml": `${evalText}\ntests: [{ id: t, input: hi, criteria: c }]\n` });
	const work = tempTree();
	const env = { ...gitTestEnvironment, HOME: work };
	const view = openDiskView();
	const loaded = loadEval(join(root, "x.eval.yaml"), { view, env, cwd: root, reach: { allowed: ["/"], ownFiles: [] } });
	const errors = loaded.diagnostics.filter(({ severity }) => severity === "error");
	if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
	const { workspace, extensions, scope } = loaded.suite;
	const lines: string[] = [];
	const abort = new AbortController();
	const services: WorkspaceServices = {
		...{ view, env, processEnv: env, runCommand: commandRunner({ view, scope, env }) },
		...{ agentvHome: join(work, "home"), directory: join(work, "workspaces"), runId: "run-1" },
		programEnv: { AGENTV_EXPERIMENT: "default", AGENTV_RUN_TIMESTAMP: "2026-01-01T00:00:00Z" },
		signal: abort.signal,
		log: (_stage, _name, text) => void lines.push(...text.split("\n").filter((line) => line.trim() !== "")),
		...more,
	};
	return { root, spec: { workspace, extensions, scope }, services, lines, abort };
}

export function aTest(id: string, more: Partial<WorkspaceTest> = {}): WorkspaceTest {
	return { id, attempt: 1, target: "default", input: "hi", metadata: {}, ...more };
}
