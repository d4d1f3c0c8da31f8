import { finding } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import type { TestCase } from "./eval-types.ts";
import { dependsOn, duplicateId } from "./load-findings.ts";
import type { Loading } from "./loading.ts";

/** Checks the tests of an eval together: unique ids, dependencies that exist and have no cycles. */
export function checkTests(tests: readonly TestCase[], loading: Loading): void {
	const byId = new Map<string, TestCase>();
	for (const test of tests) {
		const first = byId.get(test.id);
		if (first && first.at !== test.at) {
			loading.report(
				finding(
					duplicateId,
					{ id: test.id, first: loading.describe(first.at) },
					{ ...test.at, path: [...(test.at.path ?? []), "id"] },
				),
			);
		} else byId.set(test.id, test);
	}
	for (const test of tests) {
		for (const id of test.dependsOn) {
			if (byId.has(id) || loading.failedTests.has(id)) continue;
			loading.report(
				finding(
					dependsOn,
					{ id: test.id, unknown: id, nearest: nearestName(id, [...byId.keys()]) },
					dependencyPlace(test),
				),
			);
		}
	}
	reportCircles(byId, loading);
}

function dependencyPlace(test: TestCase) {
	return { ...test.at, path: [...(test.at.path ?? []), "depends_on"] };
}

function reportCircles(byId: ReadonlyMap<string, TestCase>, loading: Loading): void {
	const done = new Set<string>();
	for (const start of byId.keys()) {
		const trail: string[] = [];
		const stack: { id: string; next: number }[] = [{ id: start, next: 0 }];
		while (stack.length > 0) {
			const top = stack[stack.length - 1] as { id: string; next: number };
			if (top.next === 0) trail.push(top.id);
			const dependency = done.has(top.id) ? undefined : byId.get(top.id)?.dependsOn[top.next++];
			if (dependency === undefined) {
				done.add(top.id);
				trail.pop();
				stack.pop();
			} else if (trail.includes(dependency)) {
				const circle = [...trail.slice(trail.indexOf(dependency)), dependency];
				const test = byId.get(dependency);
				if (test) loading.report(finding(dependsOn, { id: dependency, circle }, dependencyPlace(test)));
			} else if (!done.has(dependency)) stack.push({ id: dependency, next: 0 });
		}
	}
}
