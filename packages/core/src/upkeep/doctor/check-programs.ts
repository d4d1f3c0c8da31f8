import { isAbsolute } from "node:path";
import { mapPool } from "../../base/pool.ts";
import { neededPrograms, typeScriptRunners } from "../../model/needed-programs.ts";
import { collectReferences } from "../../model/references.ts";
import { resolvedTargets } from "../../model/used-targets.ts";
import type { DoctorItem } from "./doctor-item.ts";
import type { ExaminedEvals } from "./observe-evals.ts";
import { type FoundProgram, findProgram, type ProgramSearch } from "./program-version.ts";

const atOnce = 4;

/** The programs that evals' commands, graders, extensions and targets run: looked for, and but for well-known ones never run. */
export async function checkPrograms({ evals, view }: ExaminedEvals, search: ProgramSearch): Promise<DoctorItem[]> {
	const needed = new Map<string, string[]>();
	for (const { label, loaded, uses } of evals) {
		const counted = uses.filter(({ role, implied }) => role !== "grader" || !implied);
		const targets = resolvedTargets(counted);
		for (const name of neededPrograms(collectReferences(loaded, targets, view), targets))
			if (isAbsolute(name) || !name.includes("/")) needed.set(name, [...(needed.get(name) ?? []), label]);
	}
	const names = [...needed.keys()].sort();
	return mapPool(names, { concurrency: atOnce }, async (name): Promise<DoctorItem> => {
		const neededBy = needed.get(name) ?? [];
		const found = await findOne(name, search);
		const shared = { group: "programs", name, neededBy } as const;
		if (found) return { ...shared, state: "ok", says: [found.version, found.path].filter(Boolean).join("  ") };
		if (isAbsolute(name))
			return {
				...shared,
				state: "problem",
				says: "is not an executable file",
				action: "make it executable (chmod +x)",
			};
		return { ...shared, state: "problem", says: "not found", action: `install ${name}, or fix PATH` };
	});
}

async function findOne(name: string, search: ProgramSearch): Promise<FoundProgram | undefined> {
	if (name !== typeScriptRunners) return findProgram(name, search);
	return (await findProgram("bun", search)) ?? findProgram("tsx", search);
}
