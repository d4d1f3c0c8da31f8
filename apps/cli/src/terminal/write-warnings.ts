import type { Diagnostic } from "@agentv/core";
import type { Context } from "../context.ts";
import { colorsFor } from "./colors.ts";
import { findingsText } from "./findings-text.ts";

/** Warns about invalid entries of a file, whose other entries are used. */
export function writeWarnings(diagnostics: readonly Diagnostic[], context: Context): void {
	const texts = findingsText(diagnostics, context.cwd, colorsFor(context.stderr));
	if (texts.length > 0) context.stderr.write(`${texts.join("\n")}\n`);
}
