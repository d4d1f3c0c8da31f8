import { toWireRow } from "@agentv/core";
import type { RunExport } from "../results/exported-run.ts";

/** The rows, one a line: of an attempt that was run again only the last. */
export const exportJsonl: RunExport = ({ rows }) => rows.map((row) => `${JSON.stringify(toWireRow(row))}\n`).join("");
