import { describe, expect, test } from "vitest";
import { hasPath, pathKeys, valueAt } from "./yaml-document.ts";

const value = {
	items: [{ price: 10, "unit.name": "kg" }],
	"a.b": 1,
	a: { c: null, "d.e": { f: 2 } },
	'say "hi"': 3,
	"x[0]": 4,
	"": 5,
};

describe("a path into a value", () => {
	test.each([
		["items[0].price", 10],
		["items.0.price", 10],
		["items[0].unit.name", "kg"],
		['items[0]["unit.name"]', "kg"],
		["items[0].unit\\.name", "kg"],
		["a.b", 1],
		['["a.b"]', 1],
		["['a.b']", 1],
		["a\\.b", 1],
		["a.c", null],
		["a.d.e.f", 2],
		['["say \\"hi\\""]', 3],
		["x\\[0]", 4],
		['[""]', 5],
		["items[1].price", undefined],
		["items.length", undefined],
		["a.toString", undefined],
		["__proto__", undefined],
		["a.c.d", undefined],
	])("resolves %s", (path, expected) => {
		expect(valueAt(value, path)).toBe(expected);
		expect(hasPath(value, path)).toBe(expected !== undefined);
	});

	test("prefers nested keys to a key that contains dots", () => {
		expect(valueAt({ "a.b": 1, a: { b: 2 } }, "a.b")).toBe(2);
		expect(valueAt({ "a.b": 1, a: { b: 2 } }, '["a.b"]')).toBe(1);
	});

	test("is split into its keys", () => {
		expect(pathKeys(`a[0]["b.c"].d\\.e['f']`)).toEqual(["a", "0", "b.c", "d.e", "f"]);
	});
});
