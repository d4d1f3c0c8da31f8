import { expect, it } from "vitest";
import { formatBytes } from "./text.ts";

it.each([
	[0, "0 B"],
	[999, "999 B"],
	[1000, "1.0 kB"],
	[9_940, "9.9 kB"],
	[12_345, "12 kB"],
	[999_600, "1.0 MB"],
	[2.5e9, "2.5 GB"],
	[5e15, "5000 TB"],
])("formatBytes(%d) returns %s", (bytes, text) => {
	expect(formatBytes(bytes)).toBe(text);
});
