import type { z } from "zod";
import type { DocumentPath } from "../base/diagnostic.ts";

/** A mismatch between a value and its schema. */
export interface ShapeIssue {
	readonly path: DocumentPath;
	/** "expected number, got text": completes `<field>: …`. */
	readonly message: string;
	/** The expected plain type, if any. */
	readonly expected?: string;
}

type Issue = z.core.$ZodIssue;

/** Returns the issues of a failed parse, with unions reduced to the closest branch. */
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
		const found = at(root, path);
		const message = found === undefined ? `is required (${expected})` : `expected ${expected}, got ${kindOf(found)}`;
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

/** Returns how messages name a value's type. */
export function kindOf(value: unknown): string {
	if (value === null || value === undefined) return "nothing";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object") return "a mapping";
	if (typeof value === "string") return "text";
	return typeof value === "number" ? `the number ${value}` : `${value}`;
}
