import { type FormatName, jsonSchemaOf } from "@agentv/core";
import type { CommandResult } from "../context.ts";

/** Prints the JSON Schema of a file format. */
export async function schema(format: FormatName): Promise<CommandResult> {
	return { text: `${JSON.stringify(jsonSchemaOf(format), null, 2)}\n`, exitCode: 0 };
}
