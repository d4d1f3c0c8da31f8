import { canonicalJson } from "../../base/canonical-json.ts";
import { planFlags } from "../../model/plan-flags.ts";
import type { RunFile } from "../../schema/run-file.ts";
import type { MergePart } from "./merge-part.ts";
import type { MergeProblem, PlanPart } from "./merge-problem.ts";

type Difference = {
	readonly what: PlanPart;
	readonly name?: string;
	readonly values?: readonly [string, string];
};

/** In what two parts show that they were not begun as parts of one plan. Paths and the machine may differ. */
export function planDifferences(one: MergePart, other: MergePart): MergeProblem[] {
	const [a, b] = [one.run, other.run];
	const found: Difference[] = [
		...short("agentv", a.agentvVersion, b.agentvVersion),
		...evals(a, b),
		...targets(a, b),
		...whole("bundle", a.bundle?.digest, b.bundle?.digest),
		...whole("benchmark", a.benchmark, b.benchmark),
		...commits(a, b),
		...planFlags.flatMap((name) => flags(name, a.flags[name], b.flags[name])),
		...short("shard-count", String(one.sharding?.count ?? 1), String(other.sharding?.count ?? 1)),
	];
	// All of these have a say in what is planned: only where none of them differs is that a difference of its own.
	if (found.length === 0) found.push(...same("tests", JSON.stringify(one.whole) === JSON.stringify(other.whole)));
	if (found.length === 0) found.push(...whole("balance", divisionOf(one), divisionOf(other)));
	return found.map((difference) => ({ kind: "other-plan", ...difference, runs: [one.name, other.name] }));
}

function divisionOf({ sharding }: MergePart): unknown {
	return sharding && [sharding.assigned, sharding.balancedBy];
}

function whole(what: PlanPart, a: unknown, b: unknown, name?: string): Difference[] {
	return same(what, canonicalJson(a) === canonicalJson(b), name);
}

function same(what: PlanPart, isSame: boolean, name?: string): Difference[] {
	return isSame ? [] : [{ what, ...(name === undefined ? {} : { name }) }];
}

/** With what each says, where that fits into a sentence. */
function short(what: PlanPart, a: string, b: string): Difference[] {
	return a === b ? [] : [{ what, values: [a, b] }];
}

function flags(name: string, a: unknown, b: unknown): Difference[] {
	if (canonicalJson(a) === canonicalJson(b)) return [];
	const said = (value: unknown) => (value === undefined ? "none" : JSON.stringify(value));
	return [{ what: "flag", name, values: [said(a), said(b)] }];
}

/** Where nobody knows one of the commits, nothing is said. */
function commits({ git: a }: RunFile, { git: b }: RunFile): Difference[] {
	return a && b ? short("commit", a.commit.slice(0, 12), b.commit.slice(0, 12)) : [];
}

function evals(a: RunFile, b: RunFile): Difference[] {
	const [ofA, ofB] = [a, b].map(
		(run) => new Map(run.evals.map(({ file, digest }, position) => [file, `${position} ${digest}`])),
	);
	const names = new Set([...a.evals, ...b.evals].map(({ file }) => file));
	return [...names].flatMap((name) => whole("eval", ofA?.get(name), ofB?.get(name), name));
}

/**
 * Settings differ between machines where they hold paths: what of them has a bearing on answers is in the rows' fingerprints. What targets
 * say of themselves counts where both were asked.
 */
function targets(a: RunFile, b: RunFile): Difference[] {
	const names = [...new Set([...a.targets, ...b.targets].map(({ name }) => name))];
	return names.flatMap((name) => {
		const [ofA, ofB] = [a, b].map((run) => run.targets.find((target) => target.name === name));
		const sameFacts = !ofA?.facts || !ofB?.facts || canonicalJson(ofA.facts) === canonicalJson(ofB.facts);
		const isSame = sameFacts && ofA?.provider === ofB?.provider && canonicalJson(ofA?.via) === canonicalJson(ofB?.via);
		return same("target", isSame, name);
	});
}
