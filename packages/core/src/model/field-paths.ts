import { finding } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import { readJson, withoutFence } from "../base/read-json.ts";
import { hasPath } from "../base/value-path.ts";
import type { Assertion, Message, Turn } from "./eval-types.ts";
import { absentField, noReference } from "./load-findings.ts";
import { messageText } from "./load-messages.ts";
import type { ComparedField, Loading } from "./loading.ts";

interface GradedTest {
	readonly assertions: readonly Assertion[];
	readonly expected: readonly Message[];
	readonly turns: readonly Turn[];
}

/** Records which fields of `field-accuracy` graders a test's references have. */
export function checkFields({ assertions, expected, turns }: GradedTest, loading: Loading): void {
	const last = expected.at(-1);
	noteFields(assertions, last && messageText(last), loading);
	for (const turn of turns) noteFields(turn.assertions, turn.expectedOutput, loading);
}

function noteFields(assertions: readonly Assertion[], expectedOutput: string | undefined, loading: Loading): void {
	for (const assertion of assertions) {
		if (assertion.parts) noteFields(assertion.parts, expectedOutput, loading);
		if (assertion.type !== "field-accuracy") continue;
		const reference = referenceOf(expectedOutput ?? "");
		for (const [index, { path }] of assertion.settings.fields.entries()) {
			const field = fieldAt(assertion, index, path, loading);
			if (reference === undefined) continue;
			field.references++;
			if (hasPath(reference, path)) field.isPresent = true;
			else if (field.known.size < maxKnown) for (const key of keysOf(reference, "")) field.known.add(key);
		}
	}
}

const maxKnown = 1000;

function fieldAt({ at }: Assertion, index: number, path: string, { comparedFields }: Loading): ComparedField {
	const place = { ...at, path: [...(at.path ?? []), "fields", index, "path"] };
	const key = [at.file, at.line ?? "", ...place.path, path].join("\0");
	const known = comparedFields.get(key);
	if (known) return known;
	const field: ComparedField = { path, at: place, isPresent: false, known: new Set(), references: 0 };
	comparedFields.set(key, field);
	return field;
}

/** Parses JSON, also in a code fence, like the grader. */
function referenceOf(text: string): unknown {
	const read = readJson(withoutFence(text));
	return "value" in read ? read.value : undefined;
}

function keysOf(value: unknown, prefix: string): string[] {
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([key, item]) => {
		const step = /[.[\]\\]/.test(key) ? `[${JSON.stringify(key)}]` : Array.isArray(value) ? `[${key}]` : key;
		const path = prefix === "" || step.startsWith("[") ? `${prefix}${step}` : `${prefix}.${step}`;
		return [path, ...keysOf(item, path)];
	});
}

/** Reports each field that is missing from every reference: no comparison would include it. */
export function reportAbsentFields(loading: Loading): void {
	for (const { path, at, isPresent, known, references } of loading.comparedFields.values()) {
		if (isPresent) continue;
		if (references > 0) loading.report(finding(absentField, { path, nearest: nearestName(path, known) }, at));
		else loading.report(finding(noReference, { path }, at));
	}
	loading.comparedFields.clear();
}
