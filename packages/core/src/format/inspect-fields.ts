import type { z } from "zod";
import type { DocumentPath } from "../lib/errors.ts";
import { sameValue } from "../lib/yaml-edit.ts";
import { type FieldFacts, factsOfField, isStrictObject } from "./codec.ts";

export type FieldNote =
	| {
			readonly kind: "unknown";
			readonly path: DocumentPath;
			readonly key: string;
			/** Candidates for the nearest name. */
			readonly known: readonly string[];
			readonly isError: boolean;
	  }
	| {
			readonly kind: "older";
			readonly path: DocumentPath;
			readonly key: string;
			readonly instead: string;
	  }
	/** Two spellings of one field, both as paths from the mapping that contains them. */
	| { readonly kind: "conflict"; readonly path: DocumentPath; readonly keys: readonly [string, string] }
	| {
			readonly kind: "unsupported";
			readonly path: DocumentPath;
			readonly key: string;
			readonly hint: string;
			readonly severity: "error" | "warning";
	  }
	/** A number or boolean in place of text: read it as written. */
	| { readonly kind: "text"; readonly path: DocumentPath };

type Definition = {
	type: string;
	shape?: Record<string, z.ZodType>;
	element?: z.ZodType;
	valueType?: z.ZodType;
	innerType?: z.ZodType;
	in?: z.ZodType;
	options?: z.ZodType[];
	getter?: () => z.ZodType;
};

export function inspectFields(schema: z.ZodType, value: unknown): readonly FieldNote[] {
	if (typeof value !== "object" || value === null) return none;
	const walk: Walk = { path: [], notes: [] };
	visit(planOf(schema), value, walk);
	return walk.notes;
}

const none: readonly FieldNote[] = [];

interface Walk {
	readonly path: (string | number)[];
	readonly notes: FieldNote[];
}

type Plan =
	| { readonly kind: "leaf" | "text" }
	| ObjectPlan
	| { readonly kind: "array" | "record"; readonly element: () => Plan }
	| { readonly kind: "union"; readonly options: readonly { readonly schema: z.ZodType; readonly plan: Plan }[] };

interface ObjectPlan {
	readonly kind: "object";
	readonly fields: ReadonlyMap<string, Field>;
	readonly known: readonly string[];
	readonly isStrict: boolean;
	readonly spellings: () => readonly Spelling[];
}

interface Field {
	readonly plan: () => Plan;
	readonly facts: FieldFacts;
	readonly instead: string | undefined;
}

interface Spelling {
	readonly path: readonly string[];
	readonly of: string;
}

const leaf: Plan = { kind: "leaf" };
const plans = new WeakMap<z.ZodType, Plan>();

function planOf(schema: z.ZodType): Plan {
	const known = plans.get(schema);
	if (known) return known;
	const plan = makePlan(schema);
	plans.set(schema, plan);
	return plan;
}

function makePlan(schema: z.ZodType): Plan {
	if (factsOfField(schema).isText) return { kind: "text" };
	const definition = schema.def as unknown as Definition;
	const { element, valueType, options, getter } = definition;
	const inner = definition.in ?? definition.innerType;
	if (definition.type === "object") return objectPlan(definition.shape ?? {}, isStrictObject(schema));
	if (definition.type === "array" && element) return { kind: "array", element: () => planOf(element) };
	if (definition.type === "record" && valueType) return { kind: "record", element: () => planOf(valueType) };
	if (definition.type === "union") {
		const branches = (options ?? []).map((option) => ({ schema: option, plan: planOf(option) }));
		return branches.every(({ plan }) => plan === leaf) ? leaf : { kind: "union", options: branches };
	}
	if (getter) return planOf(getter());
	return inner ? planOf(inner) : leaf;
}

function objectPlan(shape: Readonly<Record<string, z.ZodType>>, isStrict: boolean): ObjectPlan {
	const fields = new Map(
		Object.entries(shape).map(([key, field]): [string, Field] => {
			const instead = field.meta()?.instead;
			const facts = factsOfField(field);
			return [key, { plan: () => planOf(field), facts, instead: typeof instead === "string" ? instead : undefined }];
		}),
	);
	let spellings: readonly Spelling[] | undefined;
	return {
		kind: "object",
		fields,
		known: Object.keys(shape),
		isStrict,
		spellings: () => {
			spellings ??= spellingsOf(fields);
			return spellings;
		},
	};
}

function spellingsOf(fields: ReadonlyMap<string, Field>): Spelling[] {
	const spellings: Spelling[] = [];
	for (const [key, { plan, facts }] of fields) {
		if (facts.newer !== undefined && facts.newer !== key) spellings.push({ path: [key], of: facts.newer });
		const inside = plan();
		if (inside.kind !== "object") continue;
		for (const [name, { facts: innerFacts }] of inside.fields)
			if (innerFacts.outer !== undefined) spellings.push({ path: [key, name], of: innerFacts.outer });
	}
	const own = [...new Set(spellings.map(({ of }) => of))].filter((key) => fields.has(key));
	return [...own.map((key) => ({ path: [key], of: key })), ...spellings];
}

function visit(plan: Plan, value: unknown, walk: Walk): void {
	if (plan === leaf) return;
	if (typeof value === "number" || typeof value === "boolean") {
		if (takesText(plan)) walk.notes.push({ kind: "text", path: [...walk.path] });
		return;
	}
	if (typeof value !== "object" || value === null) return;
	if (plan.kind === "union") {
		const fitting = fittingOption(plan.options, value);
		if (fitting) visit(fitting, value, walk);
	} else if (plan.kind === "object") {
		if (!Array.isArray(value)) visitFields(plan, value as Readonly<Record<string, unknown>>, walk);
	} else if ((plan.kind === "array" || plan.kind === "record") && (plan.kind === "array") === Array.isArray(value)) {
		const element = plan.element();
		if (element === leaf) return;
		for (const [key, item] of Object.entries(value)) {
			walk.path.push(plan.kind === "array" ? Number(key) : key);
			visit(element, item, walk);
			walk.path.pop();
		}
	}
}

function takesText(plan: Plan): boolean {
	return plan.kind === "text" || (plan.kind === "union" && plan.options.some((option) => takesText(option.plan)));
}

function visitFields(plan: ObjectPlan, value: Readonly<Record<string, unknown>>, walk: Walk): void {
	const { fields, known, isStrict } = plan;
	for (const key of Object.keys(value)) {
		const field = fields.get(key);
		if (!field) {
			// Keys with the prefix `x-` are the author's own, in any mapping.
			if (!key.startsWith("x-"))
				walk.notes.push({ kind: "unknown", path: [...walk.path, key], key, known, isError: isStrict });
			continue;
		}
		const item = value[key];
		noteFacts(key, field, item, walk);
		if (typeof item !== "object" && typeof item !== "number" && typeof item !== "boolean") continue;
		walk.path.push(key);
		visit(field.plan(), item, walk);
		walk.path.pop();
	}
	noteConflicts(plan.spellings(), value, walk);
}

function noteFacts(key: string, { facts, instead }: Field, item: unknown, walk: Walk): void {
	if (instead !== undefined) walk.notes.push({ kind: "older", path: [...walk.path, key], key, instead });
	const { unsupported } = facts;
	if (unsupported && item !== null && item !== undefined && !unsupported.allows?.(item)) {
		const { hint, severity = "error" } = unsupported;
		walk.notes.push({ kind: "unsupported", path: [...walk.path, key], key, hint, severity });
	}
}

/** Only one of two spellings could be used. A deprecated block may repeat the same value. */
function noteConflicts(spellings: readonly Spelling[], value: Readonly<Record<string, unknown>>, walk: Walk): void {
	const first = new Map<string, Spelling>();
	for (const spelling of spellings) {
		const item = valueAt(value, spelling.path);
		if (item === undefined || item === null) continue;
		const other = first.get(spelling.of);
		first.set(spelling.of, other ?? spelling);
		if (!other) continue;
		const isRepeated = spelling.path.length > 1 && spelling.path.at(-1) === other.path.at(-1);
		if (isRepeated && sameValue(item, valueAt(value, other.path))) continue;
		const keys = [other.path.join("."), spelling.path.join(".")] as const;
		walk.notes.push({ kind: "conflict", path: [...walk.path, ...spelling.path], keys });
	}
}

function valueAt(value: unknown, path: readonly string[]): unknown {
	let current = value;
	for (const key of path)
		current =
			typeof current === "object" && current !== null && Object.hasOwn(current, key)
				? (current as Readonly<Record<string, unknown>>)[key]
				: undefined;
	return current;
}

/** Decides by plain type if that is unique, else by parsing. */
function fittingOption(options: Extract<Plan, { kind: "union" }>["options"], value: object): Plan | undefined {
	const forms = Array.isArray(value) ? ["array"] : ["object", "record"];
	const alike = options.filter(({ plan }) => forms.includes(plan.kind) || plan.kind === "union");
	// A branch without fields (`unknown`) would hide those of the others: never choose it.
	if (alike.length === 1) return alike[0]?.plan;
	return alike.find(({ schema }) => schema.safeParse(value).success)?.plan;
}

export interface ShapeIssue {
	readonly path: DocumentPath;
	/** "expected number, got text": completes `<field>: …`. */
	readonly message: string;
	readonly expected?: string;
}

type Issue = z.core.$ZodIssue;

/** Reduces unions to the closest branch. */
export function shapeIssues(error: z.core.$ZodError, value: unknown): ShapeIssue[] {
	return error.issues.flatMap((issue) => flatten(issue, [], value));
}

function flatten(issue: Issue, prefix: DocumentPath, root: unknown): ShapeIssue[] {
	const path = [...prefix, ...(issue.path as (string | number)[])];
	if (issue.code === "invalid_union" && issue.errors.length > 0) {
		const nearest = nearestBranch(issue.errors);
		if (nearest) return nearest.flatMap((inner) => flatten(inner, path, root));
		const wanted = [
			...new Set(
				issue.errors
					.flat()
					.map((inner) => expectedOf(inner))
					.filter((name) => name !== undefined),
			),
		];
		return [
			{
				path,
				message: `expected ${wanted.join(" or ") || "another shape"}, got ${kindOf(at(root, path))}`,
				...(wanted[0] ? { expected: wanted.join("|") } : {}),
			},
		];
	}
	const expected = expectedOf(issue);
	if (issue.code === "invalid_type" && expected) {
		const actual = at(root, path);
		const message = actual === undefined ? `is required (${expected})` : `expected ${expected}, got ${kindOf(actual)}`;
		return [{ path, message, expected }];
	}
	return [{ path, message: plain(issue) }];
}

/** The branch with the deepest problem was probably meant. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
	const fitting = branches.filter(
		(issues) => issues.length > 0 && issues.every((issue) => issue.path.length > 0 || issue.code !== "invalid_type"),
	);
	return [...fitting].sort((a, b) => a.length - b.length)[0];
}

function expectedOf(issue: Issue): string | undefined {
	if (issue.code !== "invalid_type") return undefined;
	const names: Record<string, string> = {
		string: "text",
		object: "a mapping",
		record: "a mapping",
		array: "a list",
		number: "a number",
		int: "a whole number",
		boolean: "true or false",
	};
	return names[issue.expected] ?? issue.expected;
}

function plain(issue: Issue): string {
	switch (issue.code) {
		case "invalid_value":
			return `expected ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
		case "too_small":
			if (issue.origin === "array")
				return `needs at least ${issue.minimum} ${issue.minimum === 1 ? "entry" : "entries"}`;
			if (issue.origin === "string") return "must not be empty";
			return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
		case "too_big":
			if (issue.origin === "string") return `must have at most ${issue.maximum} characters`;
			return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
		default:
			return issue.message;
	}
}

function at(root: unknown, path: DocumentPath): unknown {
	let value = root;
	for (const key of path)
		value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;
	return value;
}

export function kindOf(value: unknown): string {
	if (value === null || value === undefined) return "nothing";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object") return "a mapping";
	if (typeof value === "string") return "text";
	return typeof value === "number" ? `the number ${value}` : `${value}`;
}
