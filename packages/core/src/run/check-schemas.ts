import { AgentvError } from "../base/agentv-error.ts";
import { checkJsonSchemas } from "../model/json-schema-check.ts";
import type { RunPlan } from "./run-plan.ts";

/**
 * Looks at the JSON Schemas of a plan's graders, for which a validator has to be loaded first.
 * @throws AgentvError `config` if one can't be used
 */
export async function checkPlannedSchemas({ cases }: Pick<RunPlan, "cases">): Promise<void> {
	const diagnostics = await checkJsonSchemas({ tests: [...new Set(cases.map(({ test }) => test))] });
	if (diagnostics.length === 0) return;
	throw new AgentvError("config", "the run can't start", { diagnostics, hint: "Nothing was run." });
}
