import type { DoctorItem } from "./doctor-item.ts";
import type { ExaminedEvals } from "./observe-evals.ts";

/** Which evals the rest is about. */
export function checkEvals({ evals, isCut }: ExaminedEvals): DoctorItem[] {
	const shared = { group: "evals" } as const;
	if (evals.length === 0) {
		const action = "specify evals, or create a first one with `agentv init`";
		return [{ ...shared, name: "found", state: "note", says: "none below the current directory", action }];
	}
	const tests = evals.reduce((sum, { loaded }) => sum + loaded.tests.length, 0);
	const says = `${evals.length} with ${tests} ${tests === 1 ? "test" : "tests"}`;
	const broken = evals
		.filter(({ isBroken }) => isBroken)
		.map(
			({ label, loaded }): DoctorItem => ({
				...shared,
				name: label,
				state: "warning",
				says: `has errors, so it may need more: ${loaded.diagnostics[0]?.message ?? ""}`,
				action: `agentv eval validate ${label}`,
			}),
		);
	const cut = isCut
		? [{ ...shared, name: "more", state: "note", says: "there are more: specify which ones" } as const]
		: [];
	return [{ ...shared, name: "found", state: "ok", says }, ...broken, ...cut];
}
