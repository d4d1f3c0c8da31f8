import { expect, test } from "vitest";
import { exactData } from "./json.ts";

test.each([
	["9007199254740993", "9007199254740993"],
	["9007199254740992", 9007199254740992],
	["12345678901234567890.10", "12345678901234567890.10"],
	["-9007199254740993", "-9007199254740993"],
	["9007199254740992.0", 9007199254740992],
	["1e400", "1e400"],
	["1e21", 1e21],
	["1.50", 1.5],
	["0.1", 0.1],
])("%s keeps its digits in data", (text, expected) => {
	expect(exactData({ n: [Number(text)] }, () => text)).toEqual({ n: [expected] });
});

test("infinity and NaN keep their written text", () => {
	const texts: Readonly<Record<string, string>> = { a: ".inf", b: ".nan" };
	const data = { a: Number.POSITIVE_INFINITY, b: Number.NaN };
	expect(exactData(data, ([key]) => texts[String(key)])).toEqual({ a: ".inf", b: ".nan" });
});
