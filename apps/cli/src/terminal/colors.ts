import picocolors from "picocolors";
import type { Output } from "../context.ts";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** The colours of one stream: none where it wants none. */
export function colorsFor(output: Output): Colors {
	return picocolors.createColors(output.color);
}
