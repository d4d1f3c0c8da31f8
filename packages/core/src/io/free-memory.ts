import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects garbage now. Worth its time (some 50 ms) once, after much was read of which little is kept: V8 would rather let the
 * memory grow by half before it looks, and starting programs takes the longer the more of it there is.
 */
export function freeMemory(): void {
	setFlagsFromString("--expose-gc");
	const collect: unknown = runInNewContext("gc");
	if (typeof collect === "function") collect();
}
