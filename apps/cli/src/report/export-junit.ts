import { runDocument } from "../junit/run-document.ts";
import type { RunExport } from "../results/exported-run.ts";

export const exportJunit: RunExport = runDocument;
