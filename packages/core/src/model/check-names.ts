import { finding, type Place } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import { findTemplateName, type TemplateName, templateNames } from "../base/template-text.ts";
import { proseName, unknownName } from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import { child, type Part, type Vars } from "./source.ts";

/** Names that are filled in when a test runs; a path with one of them is not checked. */
const runTimeNames: ReadonlySet<string> = new Set(["workspace_path", "test_id", "eval_run_id"]);

/** Fields of a test whose `{{ name }}` must be one of its `vars`. */
const filledFields = ["input", "expected_output", "criteria", "expected_outcome"] as const;

/** Reports each `{{ name }}` of a test, as written, that is not in its `vars`. */
export function checkTestNames(test: Part, vars: Vars, loading: Loading): void {
	const fields = test.value as Readonly<Record<string, unknown>>;
	checkFields(fields, (key) => child(test, key), vars, loading);
	if (!Array.isArray(fields.turns)) return;
	for (const [index, turn] of fields.turns.entries())
		if (typeof turn === "object" && turn !== null)
			checkFields(turn, (key) => child(test, "turns", index, key), vars, loading);
}

function checkFields(
	fields: Readonly<Record<string, unknown>>,
	partOf: (key: string) => Part,
	vars: Vars,
	loading: Loading,
): void {
	for (const key of filledFields) if (hasBraces(fields[key])) checkNames(partOf(key), vars, loading);
}

/** Most texts have no placeholder. */
function hasBraces(value: unknown): boolean {
	if (typeof value === "string") return value.includes("{{");
	if (typeof value !== "object" || value === null) return false;
	return (Array.isArray(value) ? value : Object.values(value)).some(hasBraces);
}

/** Like `checkTestNames`, for any value. */
export function checkNames({ value, at }: Part, vars: Vars, loading: Loading): void {
	if (value === undefined) return;
	const path: (string | number)[] = [];
	const visit = (item: unknown, isPath: boolean): void => {
		if (typeof item === "string") {
			if (!item.includes("{{")) return;
			const place = { ...at, path: [...(at.path ?? []), ...path] };
			checkText(item, isPath, vars, (found) => nameAt(found, place, loading), loading);
		} else if (typeof item === "object" && item !== null) {
			const { type } = item as { readonly type?: unknown };
			const isFile = type === "file" || type === "image";
			for (const [key, inner] of Object.entries(item)) {
				path.push(Array.isArray(item) ? Number(key) : key);
				visit(inner, isFile && key === "value");
				path.pop();
			}
		}
	};
	visit(value, false);
}

/** Like `checkTestNames`, for a text that is a whole file. */
export function checkNamesOfFile(text: string, file: string, vars: Vars, loading: Loading): void {
	checkText(text, false, vars, ({ range }) => ({ file, range }), loading);
}

/** Unknown names that are reported per text; more would not help. */
const mostUnknown = 50;

function checkText(
	text: string,
	isPath: boolean,
	vars: Vars,
	placeOfName: (found: TemplateName) => Place,
	loading: Loading,
): void {
	let left = mostUnknown;
	for (const found of templateNames(text)) {
		const { name } = found;
		if (vars.text(name) !== undefined || (isPath && runTimeNames.has(name))) continue;
		if (left-- === 0) return;
		const at = placeOfName(found);
		if (!vars.isGiven) loading.report(finding(proseName, { name }, at));
		else {
			const known = vars.names();
			loading.report(finding(unknownName, { name, known, nearest: nearestName(name, known) }, at));
		}
	}
}

/** Returns the location of a name; of the whole text if a variable contributed it. */
export function nameAt({ name, nth }: TemplateName, place: Place, loading: Loading): Place {
	const source = loading.sources.get(place.file);
	const range = source?.locate(place);
	if (!source || !range) return place;
	const start = range.start.offset;
	const found = findTemplateName(source.text.slice(start, range.end.offset), name, nth);
	return found ? { ...place, range: [start + found[0], start + found[1]] } : place;
}
