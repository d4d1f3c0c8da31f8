import { mkdirSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { expect, test } from "vitest";
import { globFiles, splitGlob } from "./find-files.ts";

const names = ["a", "b", "ab", "a1", "a.b", ".a", "A"];
const files = names.flatMap((one) => [
	`${one}.f`,
	...names.flatMap((two) => [`${one}/${two}.f`, ...(two.length < 3 ? [`${one}/${two}/a`, `${one}/${two}/b.f`] : [])]),
]);

function globTree(): string {
	const tree = tempTree(Object.fromEntries([...files, "a/.git/x.f", "node_modules/x.f"].map((file) => [file, ""])));
	mkdirSync(join(tree, "empty"));
	symlinkSync("a", join(tree, "link"));
	symlinkSync("a.f", join(tree, "link.f"));
	return tree;
}

/** Parts of patterns, most of which match something in the tree. */
const pieces = [
	"a",
	"b",
	".",
	"1",
	"*.f",
	"*",
	"?",
	"*",
	"[ab]",
	"[!a]",
	"[a-c]",
	"{a,b}",
	"{a,.a,*b}",
	"@(a|b)",
	"+(a|b)",
];
const component = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 }).map((all) => all.join("")),
	},
	{ weight: 2, arbitrary: fc.constant("**") },
	{ weight: 1, arbitrary: fc.constantFrom("{a,b/a}", "{a/**,b}", ".", "?(a)b", "*(a)b", "{a,{b,.a}}") },
);
const patterns = fc
	.array(component, { minLength: 1, maxLength: 4 })
	.map((all) => all.join("/"))
	// The library treats these as regular expressions, or differently at other positions.
	.filter((pattern) => !/\)[?*+]|[^/]\.(?:\/|$)|\*\*[^/]|\.\./.test(pattern));

test("matches the same files as the library that it replaced", () => {
	const tree = globTree();
	fc.assert(
		fc.property(patterns, fc.option(patterns, { freq: 3 }), (pattern, ignored) => {
			// The library ignores a static beginning of a pattern in some forms only.
			const ignore = ignored === null || !/^[*?[{@+]/.test(pattern) ? [] : [ignored];
			const expected = globSync([pattern], {
				...{ cwd: tree, absolute: true, dot: true, onlyFiles: true },
				...{ followSymbolicLinks: false, expandDirectories: false },
				ignore: ["**/.git/**", "**/node_modules/**", ...ignore],
			});
			const shown = (paths: readonly string[]) => paths.map((path) => relative(tree, path)).sort();
			expect({ pattern, ignore, found: shown(globFiles(pattern, tree, { ignore })) }).toEqual({
				...{ pattern, ignore, found: shown(expected) },
			});
		}),
		law(10_000),
	);
});

test("supports ranges, escapes and unclosed brackets", () => {
	const tree = tempTree({ "c1.f": "", "c9.f": "", "c10.f": "", "a(1).f": "", "[x.f": "", "{y": "", "*": "" });
	const found = (pattern: string) => globFiles(pattern, tree).map((path) => relative(tree, path));
	expect(found("c{1..10}.f")).toEqual(["c1.f", "c10.f", "c9.f"]);
	expect(found("c[1-8].f")).toEqual(["c1.f"]);
	expect(found("a\\(1\\).f")).toEqual(["a(1).f"]);
	expect(found("[x.*")).toEqual(["[x.f"]);
	expect(found("{y")).toEqual(["{y"]);
	expect(found("\\*")).toEqual(["*"]);
	expect(splitGlob("a/b/../{c,d}/e")).toEqual({ base: "a", rest: "{c,d}/e" });
	expect(splitGlob("/x/*.f")).toEqual({ base: "/x", rest: "*.f" });
});

const names255 = ["a".repeat(255), "ab".repeat(127), "é".repeat(127)];

test.for<[string, string]>([
	["30 stars", `${"*a".repeat(30)}z`],
	["200 stars", `${"*a".repeat(200)}z`],
	["stars with ?", `${"*?a".repeat(100)}z`],
	["stars in groups", `${"+(a|*(a|aa))".repeat(20)}z`],
	["nested groups", `${"+(".repeat(19)}a*${")".repeat(19)}z`],
	["braces", `${"{a,aa,*}".repeat(60)}z`],
	["nested braces", `${"{a,".repeat(19)}*${"}".repeat(19)}z`],
	["components", `${"**/*a*/".repeat(80)}z`],
	["open brackets", `${"(".repeat(400)}${"{,".repeat(200)}*z`],
	["open sets", `${"[".repeat(900)}*z`],
])("matches %s against long names quickly", { timeout: 10_000 }, ([, pattern]) => {
	const tree = tempTree(
		Object.fromEntries(
			names255.flatMap((name) => [
				[`d/${name}`, ""],
				[`${name}/${name}/${name}`, ""],
			]),
		),
	);
	for (const one of [pattern, `d/${pattern}`, `**/${pattern}`]) expect(globFiles(one, tree)).toEqual([]);
	expect(globFiles("**", tree, { ignore: [pattern] })).toHaveLength(6);
});

test.for<[string, string]>([
	["a".repeat(1001), "has 1001 characters, more than 1000"],
	["a{1..1001}", "ranges of more than 1000 values"],
	["{1..400}{1..400}{1..400}", "ranges of more than 1000 values"],
	[`${"{a,".repeat(21)}b${"}".repeat(21)}`, "nests groups more than 20 deep"],
	["!(a).f", "contains !(…)"],
])("refuses %s", ([pattern, message]) => {
	expect(() => globFiles(pattern, "/")).toThrow(message);
});

test("gives up a search that visits too many files", () => {
	const tree = tempTree({ "a/1": "", "a/2": "", "b/1": "" });
	expect(globFiles("a/*", tree, { budget: { left: 2 } })).toHaveLength(2);
	expect(() => globFiles("**", tree, { budget: { left: 2 } })).toThrow("searches too many files");
});
