import { removeBenchmark, terminalSafeLine } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { json } from "../report/benchmark-json.ts";

export async function benchmarkRemove(
	id: string,
	options: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const removed = await removeBenchmark(id, { env: context.env });
	const text = options.json
		? json({ removed })
		: `Removed ${id} from ${removed.file}. Its directory was kept: ${terminalSafeLine(removed.path)}\n`;
	return { text, exitCode: 0 };
}
