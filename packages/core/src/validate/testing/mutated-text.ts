import fc from "fast-check";

/** Texts that break YAML parsers or the code that uses them. */
const splices = [
	...[
		"~",
		"[]",
		"{}",
		"''",
		"-1",
		"1e999",
		".nan",
		"0o17",
		"2026-01-01",
		"true",
		"!!binary aGk=",
		"!mine x",
		"|",
		">-",
	],
	...[
		"&a",
		"*a",
		"*checks",
		"&a [*a]",
		"<<: *checks",
		"? [x]\n: y",
		"---\n",
		"...\n",
		"%YAML 1.1\n",
		"\t",
		"\r\n",
		"\r",
	],
	...["\0", "\u0007", "\u001b[31m", "\u2028", "\ufeff", "\ud800", "\u{1f600}", "__proto__: x", "constructor: 1"],
	...["${{ X", "${{ }}", "${{ A:-${{ B }} }}", "file://", "file://../../..", "/", "\\", "..", "./".repeat(3000), "%"],
	...["[".repeat(3000), "{a: ".repeat(3000), "- ".repeat(2000), "x".repeat(100_000), "(a+)+$", "[unclosed", "#"],
	...[
		"${{ ".repeat(20_000),
		"{{".repeat(20_000),
		"{{ ".repeat(20_000),
		`"./${"*a".repeat(30)}b"`,
		`"${"{a,".repeat(30)}"`,
		"./**/*",
	],
	...[
		"/proc/kmsg",
		"/dev/zero",
		"./fifo",
		"file://./fifo",
		"./empty",
		"1e308",
		"-1e308",
		"1e400",
		"10001",
		"2147483648",
	],
	...["type: constructor", "type: __proto__", "provider: toString", "provider: __proto__", "type: hasOwnProperty"],
	`a: &x0 [z]\n${Array.from({ length: 12 }, (_, n) => `b${n}: &x${n + 1} [${`*x${n}, `.repeat(9)}]`).join("\n")}\n`,
] as const;

type Mutation = (text: string) => string;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
	place.map((at): Mutation => onLines((lines) => lines.toSpliced(index(at, lines), 1))),
	place.map((at): Mutation => onLines((lines) => lines.toSpliced(index(at, lines), 0, lines[index(at, lines)] ?? ""))),
	fc.tuple(place, place).map(([from, to]): Mutation => onLines((lines) => swapped(lines, from, to))),
	fc.tuple(place, fc.string({ unit: "binary", maxLength: 3 })).map(([at, char]): Mutation => spliced(at, 1, char)),
	fc.tuple(place, fc.nat(40)).map(([at, count]): Mutation => spliced(at, count, "")),
	fc.tuple(place, fc.constantFrom(...splices)).map(([at, splice]): Mutation => spliced(at, 0, splice)),
	// Replaces an existing value with one of another kind.
	fc.tuple(place, fc.constantFrom(...splices)).map(
		([at, value]): Mutation =>
			onLines((lines) =>
				lines.with(
					index(at, lines),
					(lines[index(at, lines)] ?? "").replace(/: .*|:$/, () => `: ${value}`),
				),
			),
	),
	place.map((at): Mutation => onLines((lines) => lines.with(index(at, lines), `   ${lines[index(at, lines)]}`))),
);

/** Generates one to six random changes: lines removed, duplicated, swapped; text inserted. */
export function mutatedText(text: string): fc.Arbitrary<string> {
	return fc
		.array(mutation, { minLength: 1, maxLength: 6 })
		.map((mutations) => mutations.reduce((changed, mutate) => mutate(changed), text));
}

function onLines(change: (lines: readonly string[]) => readonly string[]): Mutation {
	return (text) => change(text.split("\n")).join("\n");
}

function index(at: number, list: { readonly length: number }): number {
	return Math.floor(at * list.length);
}

function swapped(lines: readonly string[], from: number, to: number): readonly string[] {
	const [a, b] = [index(from, lines), index(to, lines)];
	return lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "");
}

function spliced(at: number, removed: number, added: string): Mutation {
	return (text) => text.slice(0, index(at, text)) + added + text.slice(index(at, text) + removed);
}
