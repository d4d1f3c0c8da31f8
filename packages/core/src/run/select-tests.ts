import { textGlob } from "../base/glob-text.ts";
import type { TestCase } from "../model/eval-types.ts";
import type { RunRequest } from "./run-request.ts";

/** The tests that a request asks for, in their order, and those that they depend on. */
export function selectTests(tests: readonly TestCase[], request: RunRequest): TestCase[] {
	const { tests: globs, tags, excludeTags, limit } = request;
	const patterns = globs?.map(textGlob);
	const matching = tests.filter(
		(test) =>
			(!patterns || patterns.some((matches) => matches(test.id))) &&
			(!tags || tags.some((tag) => test.tags.includes(tag))) &&
			!excludeTags?.some((tag) => test.tags.includes(tag)),
	);
	const wanted = new Set(limit === undefined ? matching : matching.slice(0, limit));
	const byId = new Map(tests.map((test) => [test.id, test]));
	// A set that grows while it is walked: dependencies of dependencies come, too.
	for (const test of wanted)
		for (const id of test.dependsOn) {
			const dependency = byId.get(id);
			if (dependency) wanted.add(dependency);
		}
	return tests.filter((test) => wanted.has(test));
}
