import picocolors from "picocolors";
import type { Output } from "../context.ts";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Returns the colour functions for a stream; they do nothing if it has no colours. */
export function colorsFor(output: Output): Colors {
	return picocolors.createColors(output.color);
}
