import { isScalar, parseDocument, Scalar } from "yaml";

/** Block scalars are written by `yaml-block-scalar`. */
export type ScalarStyle = "plain" | "single" | "double";

/** The context of a scalar that limits how it can be written. */
export interface ScalarPlace {
	/** Inside `[…]` or `{…}`. */
	readonly flow: boolean;
	readonly key: boolean;
	/** The file is JSON, which only has double quotes. */
	readonly json: boolean;
}

/** Returns `value` as YAML in `style` if possible, else in the nearest style. */
export function scalarText(value: string | number | boolean | null, style: ScalarStyle, place: ScalarPlace): string {
	if (typeof value !== "string") return String(value);
	if (place.json || style === "double" || unprintable.test(value)) return doubleQuoted(value);
	if (style === "single") return singleQuoted(value);
	if (isSafePlain(value, place)) return value;
	return /["\\]/.test(value) && !value.includes("'") ? singleQuoted(value) : doubleQuoted(value);
}

/** Characters that neither plain nor single-quoted text can contain on one line. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\ufeff]/u;

function singleQuoted(value: string): string {
	return `'${value.replaceAll("'", "''")}'`;
}

function doubleQuoted(value: string): string {
	return JSON.stringify(value).replace(
		/[\u007f-\u009f\u2028\u2029\ufeff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** Runs the parser, which knows all of YAML's traps. */
function isSafePlain(value: string, { flow, key }: ScalarPlace): boolean {
	if (value === "" || value.trim() !== value) return false;
	const trials = key ? [`${value}: x`, `{${value}: x}`] : [`k: ${value}`, `- ${value}`, value];
	if (flow && !key) trials.push(`[${value}]`, `{k: ${value}}`);
	return trials.every((text) => readsAs(text, value, key));
}

function readsAs(text: string, value: string, key: boolean): boolean {
	const { contents, errors, warnings } = parseDocument(text, { prettyErrors: false });
	if (errors.length > 0 || warnings.length > 0) return false;
	let node: unknown = contents;
	if (typeof contents === "object" && contents !== null && "items" in contents) {
		const [first] = contents.items;
		node = typeof first === "object" && "key" in first ? (key ? first.key : first.value) : first;
	}
	return isScalar(node) && node.type === Scalar.PLAIN && node.value === value;
}
