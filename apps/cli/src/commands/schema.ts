import { AgentvError, formatNames, jsonSchemaOf } from "@agentv/core";
import type { CommandResult } from "../context.ts";

/** `agentv schema <format>`: one JSON Schema on stdout. */
export async function schema(format: string): Promise<CommandResult> {
	const known = formatNames.find((name) => name === format);
	if (!known)
		throw new AgentvError("usage", `there is no format ${JSON.stringify(format)}`, {
			hint: `formats: ${formatNames.join(", ")}`,
		});
	return { text: `${JSON.stringify(jsonSchemaOf(known), null, 2)}\n`, exitCode: 0 };
}
