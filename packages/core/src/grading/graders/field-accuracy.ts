import { z } from "zod";
import { amountSchema, strictWireObject } from "../../format/codec.ts";
import { withoutFence } from "../../lib/json.ts";
import { hasPath, valueAt } from "../../lib/yaml-document.ts";
import { type CouldNotRun, defineGrader, type Finding, sameValue, weightedMean } from "../contract.ts";
import { answerText } from "../judge-prompt.ts";

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** For fields without formats of their own; the first match wins. */
const usualFormats = [
	"YYYY-MM-DD",
	"DD-MMM-YYYY",
	"DD MMM YYYY",
	"MMM D, YYYY",
	"MM/DD/YYYY",
	"DD.MM.YYYY",
	"YYYY/MM/DD",
];

/** Returns a form like `2026-03-20`, by the first matching format (of the letters Y, M and D). */
function dayOf(text: string, formats: readonly string[] = usualFormats): string | undefined {
	const trimmed = text.trim();
	for (const format of formats) {
		const day = readDay(trimmed, format);
		if (day !== undefined) return day;
	}
	return readDay(trimmed.replace(/T[\d:.,]+(Z|[+-]\d\d:?\d\d)?$/, ""), "YYYY-MM-DD");
}

function readDay(text: string, format: string): string | undefined {
	const tokens: string[] = [];
	const pattern = format.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/YYYY|YY|MMMM|MMM|MM|M|DD|D/g, (token) => {
		tokens.push(token);
		if (token === "YYYY") return "(\\d{4})";
		if (token === "MMM" || token === "MMMM") return "([A-Za-z]{3,9})";
		return token.length === 2 ? "(\\d{2})" : "(\\d{1,2})";
	});
	// Repeated parts never match a day, and could backtrack exponentially.
	if (new Set(tokens.map(([letter]) => letter)).size < tokens.length) return undefined;
	const match = new RegExp(`^${pattern}$`).exec(text);
	if (!match) return undefined;
	const part = (letter: string) => match[1 + tokens.findIndex((token) => token.startsWith(letter))] ?? "";
	const year = part("Y").length === 2 ? 2000 + Number(part("Y")) : Number(part("Y"));
	const month = /^\d/.test(part("M")) ? Number(part("M")) : months.indexOf(part("M").slice(0, 3).toLowerCase()) + 1;
	const date = new Date(Date.UTC(year, month - 1, Number(part("D"))));
	const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(part("D"));
	return real && !Number.isNaN(date.getTime()) ? date.toISOString().slice(0, 10) : undefined;
}

const fieldSchema = strictWireObject({
	// Resolving a path takes time quadratic in its length.
	path: z.string().min(1).max(1000),
	match: z.enum(["exact", "numeric_tolerance", "date"]).optional(),
	required: z.boolean().optional(),
	weight: amountSchema.optional(),
	tolerance: amountSchema.optional(),
	relative: z.boolean().optional(),
	formats: z.array(z.string()).optional(),
}).superRefine(({ match = "exact", tolerance, relative, formats }, context) => {
	const idle = (key: string, wanted: string) =>
		context.addIssue({ code: "custom", path: [key], message: `has an effect only with \`match: ${wanted}\`` });
	if (match !== "numeric_tolerance" && tolerance !== undefined) idle("tolerance", "numeric_tolerance");
	if (match !== "numeric_tolerance" && relative !== undefined) idle("relative", "numeric_tolerance");
	if (match !== "date" && formats !== undefined) idle("formats", "date");
});

type Field = z.output<typeof fieldSchema>;

/** Compares listed fields of the answer's JSON with the expected answer's. */
export const fieldAccuracy = defineGrader({
	type: "field-accuracy",
	score: "share of fields that agree",
	options: {
		fields: z.array(fieldSchema).min(1),
		aggregation: z.enum(["weighted_average", "all_or_nothing"]).optional(),
	},
	version: "2",
	reproducible: () => true,
	grade({ settings }, subject) {
		const expected = parsed(subject.expectedOutput ?? "");
		if (expected === undefined)
			return {
				couldNotRun: { code: "expected-output", message: "field-accuracy needs a JSON `expected_output`" },
			};
		const actual = parsed(answerText(subject));
		if (actual === undefined) return { score: 0, assertions: [{ text: "the answer is JSON", passed: false }] };
		const fields = settings.fields.filter(({ path }) => hasPath(expected, path));
		const compared = fields.flatMap((field) =>
			compare(field, valueAt(actual, field.path), valueAt(expected, field.path)),
		);
		if (compared.length === 0) return nothingToCompare(settings.fields, fields.length > 0);
		const all = settings.aggregation === "all_or_nothing";
		const mean = weightedMean(compared.map(({ finding, weight }) => ({ score: finding.passed ? 1 : 0, weight })));
		return {
			score: all ? Number(compared.every(({ finding }) => finding.passed)) : mean,
			assertions: compared.map(({ finding }) => finding),
		};
	},
});

function nothingToCompare(fields: readonly Field[], areExpected: boolean): CouldNotRun {
	const paths = fields.map(({ path }) => path).join(", ");
	const message = areExpected
		? `the answer has none of the fields, all of them optional: ${paths}`
		: `the expected output has none of the fields: ${paths}`;
	return { couldNotRun: { code: "no-data", message } };
}

/** Also accepts a code fence, which models often write. */
function parsed(text: string): unknown {
	try {
		return JSON.parse(withoutFence(text));
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		return undefined;
	}
}

/** Returns an empty list if an optional field is missing from the answer. */
function compare(field: Field, actual: unknown, expected: unknown): { finding: Finding; weight: number }[] {
	if (actual === undefined && field.required === false) return [];
	const finding = {
		text: `${field.path} is ${shown(expected)}`,
		passed: agrees(field, actual, expected),
		evidence: actual === undefined ? "it is missing" : shown(actual),
	};
	return [{ finding, weight: field.weight ?? 1 }];
}

function shown(value: unknown): string {
	return value === undefined ? "absent" : (JSON.stringify(value) ?? String(value)).slice(0, 200);
}

function agrees(field: Field, actual: unknown, expected: unknown): boolean {
	if (sameValue(actual, expected)) return true;
	if (field.match === "numeric_tolerance") return near(toNumber(actual), toNumber(expected), field);
	if (field.match === "date" && typeof actual === "string" && typeof expected === "string") {
		const day = dayOf(actual, field.formats);
		return day !== undefined && day === dayOf(expected, field.formats);
	}
	return false;
}

function toNumber(value: unknown): number {
	if (typeof value === "string" && value.trim() !== "") return Number(value.replaceAll(",", ""));
	return typeof value === "number" ? value : Number.NaN;
}

function near(actual: number, expected: number, { tolerance = 0, relative = false }: Field): boolean {
	const allowed = relative ? tolerance * Math.abs(expected) : tolerance;
	return Math.abs(actual - expected) <= allowed + 1e-9;
}
