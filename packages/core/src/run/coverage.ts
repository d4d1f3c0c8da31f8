import { FileDigests } from "../io/files/file-digests.ts";
import type { OpaqueUse } from "../model/opaque-uses.ts";
import { fingerprintParts } from "../schema/result-row.ts";
import type { CoveredFile } from "../schema/run-file.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { opaqueParts } from "./opaque-parts.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** What `run.json` says about what the results of a run are made of. */
export interface Coverage {
	readonly files: readonly CoveredFile[];
	readonly opaque: readonly OpaqueUse[];
	/** Digests of the values of variables in evals, by name; those of secrets left out. */
	readonly variables: Readonly<Record<string, string>>;
	/** Of each of the cases, in their order. */
	readonly fingerprints: readonly string[];
}

/** Looks at everything that the results of a plan will be made of. @param cases those that the run plans */
export function coverageOf(plan: RunPlan, fingerprints: Fingerprints, cases: readonly PlannedCase[]): Coverage {
	const files = new Map<string, { file: CoveredFile; parts: Set<string> }>();
	const add = (path: string, root: string, part: string, sha256: string, members?: ReadonlyMap<string, string>) => {
		const name = fingerprints.names.of(path, root);
		const known = files.get(name);
		if (known) known.parts.add(part);
		else {
			const listed = members && members.size <= mostMembers ? { members: Object.fromEntries(members) } : {};
			files.set(name, { file: { path: name, sha256, parts: [], ...listed }, parts: new Set([part]) });
		}
	};
	const planned = cases.map((one) => plannedFingerprint(fingerprints, one));
	for (const { scope, sources } of plan.evals)
		for (const { path, sha256 } of sources) add(path, scope.root, "eval", sha256);
	const digests = new FileDigests();
	for (const { root, path } of targetsFiles(plan)) add(path, root, "targets", digests.of(path));
	const seen = new Set<unknown>();
	for (const one of cases) {
		const parts = fingerprints.filesOf(one);
		for (const part of fingerprints.parts) {
			if (seen.has(parts[part])) continue;
			seen.add(parts[part]);
			for (const { path, sha256, members } of parts[part]) add(path, one.eval.scope.root, part, sha256, members);
		}
	}
	// What gave the answers that are graded again is on record there.
	if (plan.origin?.kind === "regrade")
		for (const file of plan.origin.run.files ?? [])
			if (file.parts.includes("target") && !files.has(file.path))
				files.set(file.path, { file, parts: new Set(["target"]) });
	return {
		files: [...files.values()]
			.map(({ file, parts }) => ({ ...file, parts: [...parts].sort() }))
			.sort((a, b) => (a.path < b.path ? -1 : 1)),
		opaque: opaqueParts(plan),
		variables: Object.assign({}, ...plan.evals.map(({ variables }) => variables)),
		fingerprints: planned,
	};
}

/** Of larger directories only the digest of all is kept. */
const mostMembers = 10_000;

/** The files that define the targets of a plan. */
function targetsFiles({
	cases,
	graderTargets,
	origin,
}: RunPlan): Iterable<{ readonly root: string; readonly path: string }> {
	const found = new Map<string, { readonly root: string; readonly path: string }>();
	const isRegrade = origin?.kind === "regrade";
	const used = [
		...(isRegrade ? [] : cases).flatMap(({ target, eval: of }) =>
			[target.target, ...target.fallbacks].map((one) => ({ one, of })),
		),
		...graderTargets.map(({ target, eval: of }) => ({ one: target, of })),
	];
	for (const { one, of } of used)
		for (const { definition } of one.via) found.set(definition.file, { root: of.scope.root, path: definition.file });
	return found.values();
}

/** The beginnings of a fingerprint's parts. The workspace's is left out when it depends on commits that only the run learns. */
function plannedFingerprint(fingerprints: Fingerprints, one: PlannedCase): string {
	const { fingerprint } = fingerprints.of(one, []);
	const hasUnknownCommits = (one.workspace?.spec.workspace?.repos.length ?? 0) > 0;
	const known = fingerprints.parts.filter((part) => part !== "workspace" || !hasUnknownCommits);
	return fingerprintParts.map((part) => (known.includes(part) ? fingerprint[part].slice(0, 8) : "")).join(".");
}
