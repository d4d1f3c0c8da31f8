import { createHash } from "node:crypto";
import { safeName, type TableRow } from "@agentv/core";

type Attempt = Pick<TableRow, "eval" | "testId" | "target" | "attempt">;

/** Returns the attempt's id within its run; safe in URLs for any test id. */
export function rowId({ eval: label, testId, target, attempt }: Attempt): string {
	const digest = createHash("sha256")
		.update(JSON.stringify([label, testId, target, attempt]))
		.digest("hex");
	return safeName(testId, digest.slice(0, 16));
}
