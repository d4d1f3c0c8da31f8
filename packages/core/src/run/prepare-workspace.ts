import type { PreparedBase, WorkspaceServices, WorkspaceSpec } from "../workspace/contract.ts";
import { WorkspaceError } from "../workspace/workspace-error.ts";

/** Stands in until workspaces are there. */
export async function prepareWorkspaceBase(_spec: WorkspaceSpec, _services: WorkspaceServices): Promise<PreparedBase> {
	throw new WorkspaceError("template", "not-available", "workspaces are not available in this version");
}
