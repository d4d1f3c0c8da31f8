import { resolve } from "node:path";
import { expandHome, targetKind } from "@agentv/core";
import type { Asked } from "../asked.ts";
import { evalsBase } from "./paths.ts";

/** Returns the absolute paths of the eval files and directories on the command line. */
export function namedEvals(asked: Asked): readonly string[] {
	const base = evalsBase(asked);
	return asked.position.operands
		.map((word) => resolve(base, expandHome(word, asked.env)))
		.filter((path) => ["file", "directory"].includes(targetKind(path)));
}
