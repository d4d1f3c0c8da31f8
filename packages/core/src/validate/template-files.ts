import { join } from "node:path";
import { pathKind } from "../io/files/stat-path.ts";

/** Whether `name` exists in a template, be it a dangling link. */
export function existsBelow(template: string, name: string): boolean {
	return pathKind(join(template, name)) !== "missing";
}
