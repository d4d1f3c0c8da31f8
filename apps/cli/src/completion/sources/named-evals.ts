import { resolve } from "node:path";
import { expandHome, targetKind } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import { evalsBase } from "./paths.ts";

/** Returns the absolute paths of the eval files and directories on the command line. */
export function namedEvals(request: CompletionRequest): readonly string[] {
	const base = evalsBase(request);
	return request.position.operands
		.map((word) => resolve(base, expandHome(word, request.env)))
		.filter((path) => ["file", "directory"].includes(targetKind(path)));
}
