import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects garbage now. Worth its time (some 50 ms) once, after reading much and keeping little:
 * otherwise V8 lets the memory grow by half first, and starting programs takes longer the more
 * there is.
 */
export function freeMemory(): void {
	setFlagsFromString("--expose-gc");
	const collect: unknown = runInNewContext("gc");
	if (typeof collect === "function") collect();
}
