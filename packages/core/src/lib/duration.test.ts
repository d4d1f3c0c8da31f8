import { expect, test } from "vitest";
import { formatDuration } from "./text.ts";

test.each([
	[0, "0ms"],
	[849.6, "850ms"],
	[999.7, "1.0s"],
	[12_340, "12.3s"],
	[59_970, "1m 00s"],
	[125_000, "2m 05s"],
	[3_599_900, "1h 00m"],
	[3_720_000, "1h 02m"],
])("formats %d milliseconds as %s", (milliseconds, expected) => {
	expect(formatDuration(milliseconds)).toBe(expected);
});
