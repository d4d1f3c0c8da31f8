import type { DoctorItem } from "@agentv/core";
import type { CommandResult } from "../context.ts";

/** Schema: docs/schemas/doctor-output.schema.json. */
export function doctorJson(items: readonly DoctorItem[]): CommandResult {
	const count = (wanted: DoctorItem["state"]) => items.filter(({ state }) => state === wanted).length;
	const problems = count("problem");
	const document = {
		items: items.map(({ group, name, state, says, action, neededBy }) => {
			return { group, name, state, says, action: action ?? null, needed_by: neededBy ?? [] };
		}),
		summary: { problems, warnings: count("warning") },
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: problems > 0 ? 1 : 0 };
}
