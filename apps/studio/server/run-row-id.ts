import { createHash } from "node:crypto";
import { safeName, type TableRow } from "@agentv/core";

type Attempt = Pick<TableRow, "eval" | "testId" | "target" | "attempt">;

/** Addresses an attempt within its run, however long or odd its test's id is. */
export function rowId({ eval: label, testId, target, attempt }: Attempt): string {
	const digest = createHash("sha256")
		.update(JSON.stringify([label, testId, target, attempt]))
		.digest("hex");
	return safeName(testId, digest.slice(0, 16));
}
