import type { z } from "zod";
import type { DocumentPath } from "../base/diagnostic.ts";

/** A key that a schema does not know, or knows as an older spelling. */
export interface FieldNote {
	readonly kind: "unknown" | "older";
	readonly path: DocumentPath;
	readonly key: string;
	/** Keys that the schema knows at this place (for the nearest name). */
	readonly known: readonly string[];
	/** For `older`: what to write now. */
	readonly instead?: string;
}

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

/** Walks `value` beside its schema and tells its unknown and older keys. Assumes nothing about validity. */
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

/** What of a schema matters for its fields, worked out once. */
type Plan =
	| { readonly kind: "leaf" }
	| { readonly kind: "object"; readonly fields: ReadonlyMap<string, Field>; readonly known: readonly string[] }
	| { readonly kind: "array" | "record"; readonly element: () => Plan }
	| { readonly kind: "union"; readonly options: readonly { readonly schema: z.ZodType; readonly plan: Plan }[] };

interface Field {
	readonly plan: () => Plan;
	readonly instead: string | undefined;
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
	const definition = schema.def as unknown as Definition;
	const { element, valueType, options, getter } = definition;
	const inner = definition.in ?? definition.innerType;
	if (definition.type === "object") {
		const shape = definition.shape ?? {};
		const fields = Object.entries(shape).map(([key, field]): [string, Field] => {
			const instead = field.meta()?.instead;
			return [key, { plan: () => planOf(field), instead: typeof instead === "string" ? instead : undefined }];
		});
		return { kind: "object", fields: new Map(fields), known: Object.keys(shape) };
	}
	if (definition.type === "array" && element) return { kind: "array", element: () => planOf(element) };
	if (definition.type === "record" && valueType) return { kind: "record", element: () => planOf(valueType) };
	if (definition.type === "union") {
		const branches = (options ?? []).map((option) => ({ schema: option, plan: planOf(option) }));
		return branches.every(({ plan }) => plan === leaf) ? leaf : { kind: "union", options: branches };
	}
	if (getter) return planOf(getter());
	return inner ? planOf(inner) : leaf;
}

function visit(plan: Plan, value: unknown, walk: Walk): void {
	if (plan.kind === "leaf" || typeof value !== "object" || value === null) return;
	if (plan.kind === "union") {
		const fitting = fittingOption(plan.options, value);
		if (fitting) visit(fitting, value, walk);
	} else if (plan.kind === "object") {
		if (!Array.isArray(value)) visitFields(plan.fields, plan.known, value, walk);
	} else if ((plan.kind === "array") === Array.isArray(value)) {
		const element = plan.element();
		if (element === leaf) return;
		for (const [key, item] of Object.entries(value)) {
			walk.path.push(plan.kind === "array" ? Number(key) : key);
			visit(element, item, walk);
			walk.path.pop();
		}
	}
}

function visitFields(fields: ReadonlyMap<string, Field>, known: readonly string[], value: object, walk: Walk): void {
	for (const key of Object.keys(value)) {
		const field = fields.get(key);
		if (!field) walk.notes.push({ kind: "unknown", path: [...walk.path, key], key, known });
		else {
			const { instead } = field;
			if (instead !== undefined) walk.notes.push({ kind: "older", path: [...walk.path, key], key, known: [], instead });
			const item = (value as Record<string, unknown>)[key];
			if (typeof item !== "object" || item === null) continue;
			walk.path.push(key);
			visit(field.plan(), item, walk);
			walk.path.pop();
		}
	}
}

/** The branch of a union that holds `value`: by its plain form where only one has that, else by trying. */
function fittingOption(options: Extract<Plan, { kind: "union" }>["options"], value: object): Plan | undefined {
	const forms = Array.isArray(value) ? ["array"] : ["object", "record"];
	const alike = options.filter(({ plan }) => forms.includes(plan.kind) || plan.kind === "union");
	// A branch without fields of its own (`unknown`) would hide those of the others: it is never the one.
	if (alike.length === 1) return alike[0]?.plan;
	return alike.find(({ schema }) => schema.safeParse(value).success)?.plan;
}
