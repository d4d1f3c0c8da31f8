import fc from "fast-check";
import { expect, test } from "vitest";
import { layerDotEnv, loadDotEnv } from "./environment.ts";

test("the forms in use", () => {
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

test("byte order mark, CRLF and names that objects have by birth", () => {
	expect(loadDotEnv("\uFEFFA=1\r\nB=2\r\n")).toEqual({ A: "1", B: "2" });
	expect(Object.keys(loadDotEnv("__proto__=x"))).toEqual(["__proto__"]);
});

test("no text makes it throw, and what is written double-quoted is read back", () => {
	fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void loadDotEnv(text)));
	fc.assert(
		fc.property(fc.string(), (value) => {
			const written = value.replace(/[\\"]/g, "\\$&").replaceAll("\r", "\\r");
			expect(loadDotEnv(`KEY="${written}"`).KEY).toBe(value);
		}),
	);
});

test("nearer files win over farther ones, and never over what is set", () => {
	const env = { SET: "env", BLANK: "", UNSET: undefined };
	const near = { SET: "near", BLANK: "near", BOTH: "near", UNSET: "near" };
	const far = { BOTH: "far", FAR: "far" };
	expect(layerDotEnv(env, [near, far])).toEqual({ SET: "env", BLANK: "", UNSET: "near", BOTH: "near", FAR: "far" });
});
