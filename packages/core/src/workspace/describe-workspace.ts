import { redactUrl } from "../base/git-credentials.ts";
import { shownCommand } from "../model/command.ts";
import type { DiskView } from "../model/disk-view.ts";
import { type HookName, hookNames } from "../model/eval-types.ts";
import { wireHookNames } from "../model/load-workspace.ts";
import { resolvePath } from "../model/path-text.ts";
import type { WorkspaceSpec } from "./contract.ts";
import { extensionsAt } from "./run-extensions.ts";
import { hooksAt } from "./run-stage.ts";

/** What preparing and opening a workspace would do, in order. */
export interface WorkspaceDescription {
	readonly isolation: "shared" | "per_test";
	readonly template?: { readonly path: string; readonly exists: boolean };
	readonly repositories: readonly {
		readonly path: string;
		readonly repo: string;
		readonly requested?: string;
		readonly ancestor: number;
		readonly sparse?: readonly string[];
	}[];
	/** Once per run (`beforeAll`, `before_all`, …) or for each test. */
	readonly calls: readonly { readonly when: string; readonly what: string }[];
}

/** Describes a workspace for `--dry-run`. Only checks whether the template exists. */
export function describeWorkspace(spec: WorkspaceSpec, view: DiskView): WorkspaceDescription {
	const { workspace, scope } = spec;
	const template = workspace?.template && resolvePath(workspace.template, scope, view);
	return {
		isolation: workspace?.isolation ?? "shared",
		...(template ? { template: { path: template.path, exists: template.kind === "directory" } } : {}),
		repositories: (workspace?.repos ?? []).map((repo) => ({
			path: repo.path || ".",
			repo: redactUrl(repo.repo),
			...(repo.commit === undefined ? {} : { requested: repo.commit }),
			ancestor: repo.ancestor,
			...(repo.sparse ? { sparse: repo.sparse } : {}),
		})),
		calls: hookNames.flatMap((name) => callsAt(spec, name)),
	};
}

function callsAt(spec: WorkspaceSpec, name: HookName): { when: string; what: string }[] {
	const extensions = extensionsAt(spec.extensions, name).map((extension) => ({
		when: name,
		what: extension.kind === "module" ? `${extension.module.raw}:${name}` : "agentv:agent-rules",
	}));
	const hooks = hooksAt(spec, name).flatMap(({ command }) =>
		command ? [{ when: wireHookNames[name], what: shownCommand(command) }] : [],
	);
	return [...extensions, ...hooks];
}
