import type { RunExport } from "../results/exported-run.ts";
import { junitDocument } from "../results/junit-document.ts";

/** For CI servers. */
export const exportJunit: RunExport = function* ({ rows }) {
	yield* junitDocument(rows);
};
