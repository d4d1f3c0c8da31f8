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

/** What preparing made. */
export interface BaseParts {
	readonly runner: StageRunner;
	/** Directory of everything that belongs to this base. */
	readonly home: string;
	/** The prepared directory; of a shared workspace the one that tests work in. */
	readonly path: string;
	readonly repositories: readonly RepositoryRecord[];
	readonly state: ExtensionState;
	/** What ran before all tests. */
	readonly processes: ProcessScope;
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
}

/** A directory that tests work in, with what is known of its state. */
export interface WorkDirectory {
	readonly path: string;
	/** Notes from when it was equal to the pristine tree. */
	clean: TreeNotes;
	/** Whether it still is; false where hooks asked for no reset. */
	isClean: boolean;
	/** While a test works in it. */
	held?: HeldDirectory | undefined;
	/** Whether the test that worked in it removed or replaced it. */
	isLost?: boolean;
	/** The last snapshot taken of it. */
	snapshot?: Snapshot | undefined;
}

/** How a directory was lost that a test works in; undefined when it is still there. */
export function whatIsGone({ path, held }: Pick<WorkDirectory, "path" | "held">): string | undefined {
	const kind = pathKind(path);
	if (kind === "missing") return "the directory is gone";
	if (kind !== "directory") return `a ${kind === "other" ? "special file" : kind} replaced it`;
	return !held || held.isAt(path) ? undefined : "another directory replaced it";
}
