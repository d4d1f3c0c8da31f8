import fc from "fast-check";

/** JSON texts that break JSON parsers or the code that uses them. */
const values = [
	...[
		"null",
		"true",
		"-1",
		"0",
		"0.5",
		"1e308",
		"-1e308",
		"1e400",
		"1e15",
		"9007199254740993",
		"NaN",
		"Infinity",
		"007",
	],
	...[
		'""',
		'"x"',
		'"__proto__"',
		'"constructor"',
		'"../../../etc/passwd"',
		'"/dev/zero"',
		'"\\u0000"',
		'"\\ud800"',
		'"\u202e"',
	],
	...[
		"[]",
		"{}",
		"[[]]",
		'{"__proto__":{"a":1}}',
		'{"constructor":{"prototype":1}}',
		'{"toString":1}',
		'{"length":4294967296}',
	],
	...[
		`${"[".repeat(5000)}${"]".repeat(5000)}`,
		`${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`,
		`"${"x".repeat(100_000)}"`,
	],
	...[`"${"${{ ".repeat(1000)}"`, `"${"{{".repeat(4000)}"`, `"${"\\n".repeat(4000)}"`, `"${"*a".repeat(200)}"`],
] as const;
const splices = [
	"{",
	"}",
	"[",
	"]",
	",",
	":",
	'"',
	"\\",
	"\n",
	"\0",
	"\ufeff",
	"//",
	"{".repeat(4000),
	'{"'.repeat(4000),
	"<think>",
	"```json\n",
] as const;

type Mutation = (text: string) => string;
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.tuple(place, fc.constantFrom(...values)).map(([at, value]): Mutation => withValue(at, value)),
	},
	fc.tuple(place, fc.constantFrom(...values)).map(([at, value]): Mutation => withKey(at, value)),
	fc.tuple(place, fc.nat(40), fc.constantFrom("", ...splices)).map(
		([at, count, splice]): Mutation =>
			(text) => {
				const start = Math.floor(at * text.length);
				return text.slice(0, start) + splice + text.slice(start + count);
			},
	),
	fc.tuple(place, place).map(
		([from, to]): Mutation =>
			(text) => {
				const [start, end] = [from, to].map((at) => Math.floor(at * text.length)).sort((a, b) => a - b);
				return text + text.slice(start, end);
			},
	),
	place.map(
		(at): Mutation =>
			(text) =>
				text.slice(0, Math.floor(at * text.length)),
	),
);

/** Generates JSON with one to four random changes, including removed and duplicated parts. */
export function mutatedJson(text: string): fc.Arbitrary<string> {
	return fc
		.array(mutation, { minLength: 1, maxLength: 4 })
		.map((mutations) => mutations.reduce((changed, mutate) => mutate(changed), text).slice(0, 2_000_000));
}

/** Replaces a scalar, list or mapping by `value`. */
function withValue(at: number, value: string): Mutation {
	return (text) => {
		const colons = [...text.matchAll(/":\s*/g)];
		const found = colons[Math.floor(at * colons.length)];
		if (!found) return value;
		const start = found.index + found[0].length;
		const length =
			/^(?:"(?:[^"\\]|\\.)*"|[-\d.eE+]+|true|false|null|\[[^[\]]*\]|\{[^{}]*\})/.exec(text.slice(start))?.[0].length ??
			0;
		return text.slice(0, start) + value + text.slice(start + length);
	};
}

function withKey(at: number, value: string): Mutation {
	return (text) => {
		const braces = [...text.matchAll(/\{/g)];
		const start = (braces[Math.floor(at * braces.length)]?.index ?? -1) + 1;
		const key = value.startsWith('"') && value.length < 100 ? value : '"__proto__"';
		return `${text.slice(0, start)}${key}:${value}${text[start] === "}" ? "" : ","}${text.slice(start)}`;
	};
}
