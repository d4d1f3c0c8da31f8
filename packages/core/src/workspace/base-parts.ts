import type { HeldDirectory } from "../io/files/held-directory.ts";
import { pathKind } from "../io/files/stat-path.ts";
import type { TreeNotes } from "../io/files/tree-notes.ts";
import type { ProcessScope } from "../io/process/process-scope.ts";
import type { ChangeStore } from "./change-store.ts";
import type { RepositoryRecord } from "./contract.ts";
import type { ExtensionState } from "./extension-state.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import type { Pristine } from "./pristine.ts";
import type { StageRunner } from "./run-stage.ts";
import type { Snapshot } from "./snapshot.ts";

export interface BaseParts {
	readonly runner: StageRunner;
	/** Directory of everything that belongs to this base. */
	readonly home: string;
	/** The prepared directory; for a shared workspace the one that tests work in. */
	readonly path: string;
	readonly repositories: readonly RepositoryRecord[];
	readonly state: ExtensionState;
	/** The scope of what ran before all tests. */
	readonly processes: ProcessScope;
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
}

/** A directory that tests work in, with its known state. */
export interface WorkDirectory {
	readonly path: string;
	/** Notes from when it was equal to the pristine tree. */
	clean: TreeNotes;
	/** Whether it still is; false if hooks requested no reset. */
	isClean: boolean;
	/** While a test works in it. */
	held?: HeldDirectory | undefined;
	/** Whether its test removed or replaced it. */
	isLost?: boolean;
	snapshot?: Snapshot | undefined;
}

/** Returns how a test's directory was lost; undefined if it still exists. */
export function whatIsGone({ path, held }: Pick<WorkDirectory, "path" | "held">): string | undefined {
	const kind = pathKind(path);
	if (kind === "missing") return "the directory is gone";
	if (kind !== "directory") return `a ${kind === "other" ? "special file" : kind} replaced it`;
	return !held || held.isAt(path) ? undefined : "another directory replaced it";
}
