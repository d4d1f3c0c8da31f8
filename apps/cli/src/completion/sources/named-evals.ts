import { resolve } from "node:path";
import { expandHome, targetKind } from "@agentv/core";
import type { Asked } from "../asked.ts";
import { evalsBase } from "./paths.ts";

/** Absolute paths of the files and directories that the command line names as evals. */
export function namedEvals(asked: Asked): readonly string[] {
	const base = evalsBase(asked);
	return asked.position.operands
		.map((word) => resolve(base, expandHome(word, asked.env)))
		.filter((path) => ["file", "directory"].includes(targetKind(path)));
}
