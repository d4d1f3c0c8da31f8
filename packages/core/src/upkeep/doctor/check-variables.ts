import { dirname, join, relative } from "node:path";
import { isSecretName } from "../../base/secret-names.ts";
import type { DiskView } from "../../model/disk-view.ts";
import { evalVariables, targetVariables } from "../../model/run-variables.ts";
import type { PlacedVariable } from "../../model/source.ts";
import { resolvedTargets } from "../../model/used-targets.ts";
import type { DoctorItem } from "./doctor-item.ts";
import type { ExaminedEval, ExaminedEvals } from "./observe-evals.ts";

const worst = ["set", "default", "unset"] as const;

interface Named {
	state: PlacedVariable["state"];
	isEmpty: boolean;
	readonly evals: ExaminedEval[];
}

/** The variables that evals and their targets name: whether each is set, never what to. */
export function checkVariables({ evals, view }: ExaminedEvals, cwd: string): DoctorItem[] {
	const all = new Map<string, Named>();
	for (const examined of evals) {
		const { loaded, scope, uses } = examined;
		const targets = resolvedTargets(uses.filter(({ role, implied }) => role !== "grader" || !implied));
		for (const { name, state, isEmpty = false } of [...evalVariables(loaded), ...targetVariables(targets, scope)]) {
			const known = all.get(name) ?? { state, isEmpty: false, evals: [] };
			known.isEmpty ||= isEmpty;
			if (worst.indexOf(state) > worst.indexOf(known.state)) known.state = state;
			if (known.evals.at(-1) !== examined) known.evals.push(examined);
			all.set(name, known);
		}
	}
	return [...all]
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([name, named]) => itemOf(name, named, view, cwd));
}

function itemOf(name: string, { state, isEmpty, evals }: Named, view: DiskView, cwd: string): DoctorItem {
	const shared = { group: "variables", name, neededBy: evals.map(({ label }) => label) } as const;
	if (state === "set" && isEmpty) {
		if (!isSecretName(name))
			return { ...shared, state: "warning", says: "set, but empty", action: actionFor(name, evals, view, cwd) };
		const action = `set it, or write \${{ ${name}:-}} if it may be empty`;
		return { ...shared, state: "problem", says: "set, but empty", action };
	}
	if (state === "set") return { ...shared, state: "ok", says: "set" };
	if (state === "default") return { ...shared, state: "ok", says: "not set, has a default" };
	return { ...shared, state: "problem", says: "not set", action: actionFor(name, evals, view, cwd) };
}

function actionFor(name: string, evals: readonly ExaminedEval[], view: DiskView, cwd: string): string {
	const directory = dirname(evals[0]?.loaded.file ?? cwd);
	const shown = (file: string) => relative(cwd, join(directory, file)) || file;
	const isDescribed = view.kind(join(directory, ".env.example")) === "file";
	if (isDescribed && view.kind(join(directory, ".env")) === "missing")
		return `set it, or copy ${shown(".env.example")} to ${shown(".env")} and fill it in`;
	return `set it, or add ${name}=… to ${shown(".env")}`;
}
