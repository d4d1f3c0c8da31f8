import fc from "fast-check";
import { expect, test } from "vitest";
import { layerDotEnv, loadDotEnv } from "./environment.ts";

test("reads the common forms of assignments", () => {
	const text = `
# comment
PLAIN=value
  export EXPORTED = spaced out # trailing comment
HASH=a#b
SINGLE='literal \\n # kept'
DOUBLE="line\\nnext \\"quoted\\" \\$x" # comment
MULTI="first
second"
AFTER=still read
EMPTY=
QUOTED_EMPTY=""
no assignment here
1BAD=x
OPEN="never closed
NEXT=seen
URL=https://host/?a=b&c=d
PLAIN=last wins
`;
	expect(loadDotEnv(text)).toEqual({
		PLAIN: "last wins",
		EXPORTED: "spaced out",
		HASH: "a#b",
		SINGLE: "literal \\n # kept",
		DOUBLE: 'line\nnext "quoted" $x',
		MULTI: "first\nsecond",
		AFTER: "still read",
		EMPTY: "",
		QUOTED_EMPTY: "",
		OPEN: '"never closed',
		NEXT: "seen",
		URL: "https://host/?a=b&c=d",
	});
});

test("accepts a byte order mark, CRLF and the name __proto__", () => {
	expect(loadDotEnv("\uFEFFA=1\r\nB=2\r\n")).toEqual({ A: "1", B: "2" });
	expect(Object.keys(loadDotEnv("__proto__=x"))).toEqual(["__proto__"]);
});

test("never throws, and reads back any double-quoted value", () => {
	fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void loadDotEnv(text)));
	fc.assert(
		fc.property(fc.string(), (value) => {
			const written = value.replace(/[\\"]/g, "\\$&").replaceAll("\r", "\\r");
			expect(loadDotEnv(`KEY="${written}"`).KEY).toBe(value);
		}),
	);
});

test("nearer files override farther ones, but never variables that are set", () => {
	const env = { SET: "env", BLANK: "", UNSET: undefined };
	const near = { SET: "near", BLANK: "near", BOTH: "near", UNSET: "near" };
	const far = { BOTH: "far", FAR: "far" };
	expect(layerDotEnv(env, [near, far])).toEqual({ SET: "env", BLANK: "", UNSET: "near", BOTH: "near", FAR: "far" });
});
