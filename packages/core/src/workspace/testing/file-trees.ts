import {
	chmodSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";

/** Paths with one character per byte. Only empty directories are listed. */
export type Tree = ReadonlyMap<string, Entry>;
type Entry =
	| { readonly kind: "file"; readonly content: string; readonly executable: boolean }
	| { readonly kind: "link"; readonly target: string }
	| { readonly kind: "directory" };

const bytes = (text: string) => Buffer.from(text, "latin1");
const utf8 = (text: string) => Buffer.from(text).toString("latin1");
const at = (root: string, path: string) => Buffer.concat([Buffer.from(`${root}/`), bytes(path)]);

export const plainNames = [
	"a",
	"b",
	"c.txt",
	"b b",
	" c ",
	'q"uote',
	"-dash",
	"back\\slash",
	"tab\tname",
	"new\nline",
	utf8("ünï"),
];
export const rawNames = [...plainNames, "raw\xff", "\xfe dir"];
const contents = [
	...["", "x", "one\ntwo\nthree\n", "one\r\ntwo\r\n", "no newline\nat the end", utf8("ünï\n"), "latin1 \xe9\n"],
	...[
		"one\nTWO\nthree\n",
		"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n",
		"\0binary\0",
		"text and a \0 late".repeat(2000),
	],
	...["# new empty directory x\n", "\n\n\n", `${"many\n".repeat(300)}end\n`, "\xef\xbb\xbfwith a mark\n", "a\rb\rc"],
];
// Too large to be displayed completely: one compressible, one not.
const large = [
	`${"large line\n".repeat(220_000)}`,
	Buffer.from(Array.from({ length: 2_200_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 255)).toString("latin1"),
];

export function trees(names: readonly string[]): fc.Arbitrary<Tree> {
	const name = fc.constantFrom(...names);
	const content = fc.oneof(
		{ weight: 40, arbitrary: fc.constantFrom(...contents) },
		{ weight: 1, arbitrary: fc.constantFrom(...large) },
	);
	const entry: fc.Arbitrary<Entry> = fc.oneof(
		{ weight: 6, arbitrary: fc.record({ kind: fc.constant("file" as const), content, executable: fc.boolean() }) },
		{
			weight: 1,
			arbitrary: fc.record({
				kind: fc.constant("link" as const),
				target: fc.constantFrom("gone", "../gone", "/etc/passwd", "no\xffwhere", "two\nlines"),
			}),
		},
		{ weight: 1, arbitrary: fc.constant({ kind: "directory" as const }) },
	);
	return fc.array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), entry), { maxLength: 14 }).map((entries) => {
		const tree = new Map<string, Entry>();
		for (const [parts, one] of entries) {
			const path = parts.join("/");
			// Removes entries above or below the path.
			for (const other of tree.keys())
				if (path.startsWith(`${other}/`) || other.startsWith(`${path}/`)) tree.delete(other);
			tree.set(path, one);
		}
		return tree;
	});
}

function same(one: Entry | undefined, other: Entry | undefined): boolean {
	return JSON.stringify(one) === JSON.stringify(other);
}

/** Changes `root` from the tree `from` to the tree `to`; equal entries are untouched. */
export function change(root: string, from: Tree, to: Tree): void {
	for (const [path, entry] of from) if (!same(entry, to.get(path))) rmSync(at(root, path), { recursive: true });
	// Directories that only contained files.
	const wanted = new Set([...to.keys()].flatMap((path) => parents(path)));
	for (const path of new Set([...from.keys()].flatMap((one) => parents(one))))
		if (!wanted.has(path) && !to.has(path)) rmSync(at(root, path), { recursive: true, force: true });
		else if (!wanted.has(path) && to.get(path)?.kind !== "directory")
			rmSync(at(root, path), { recursive: true, force: true });
	for (const [path, entry] of to) {
		for (const parent of parents(path).reverse()) mkdirSync(at(root, parent), { recursive: true });
		if (same(entry, from.get(path))) continue;
		if (entry.kind === "directory") mkdirSync(at(root, path), { recursive: true });
		else if (entry.kind === "link") symlinkSync(bytes(entry.target), at(root, path));
		else {
			writeFileSync(at(root, path), bytes(entry.content));
			chmodSync(at(root, path), entry.executable ? 0o755 : 0o644);
		}
	}
}

/** Returns the directories above a path, nearest first. */
function parents(path: string): string[] {
	const parts = path.split("/");
	return parts.slice(1).map((_, index) => parts.slice(0, parts.length - 1 - index).join("/"));
}

export function readTree(root: string, prefix = "", tree = new Map<string, Entry>()): Map<string, Entry> {
	const names = readdirSync(at(root, prefix), { encoding: "buffer" }).map((name) => name.toString("latin1"));
	if (names.length === 0 && prefix !== "") tree.set(prefix.slice(0, -1), { kind: "directory" });
	for (const name of names) {
		const path = prefix + name;
		const stat = lstatSync(at(root, path));
		if (stat.isDirectory()) readTree(root, `${path}/`, tree);
		else if (stat.isSymbolicLink())
			tree.set(path, { kind: "link", target: readlinkSync(at(root, path), { encoding: "buffer" }).toString("latin1") });
		else
			tree.set(path, {
				kind: "file",
				content: readFileSync(at(root, path)).toString("latin1"),
				executable: (stat.mode & 0o100) !== 0,
			});
	}
	return tree;
}

export const sorted = (tree: Tree) =>
	[...tree].sort(([one], [other]) => (one < other ? -1 : 1)).map(([path, entry]) => ({ path, ...entry }));
export const files = (tree: Tree) => sorted(tree).filter(({ kind }) => kind !== "directory");

/** Creates a new directory with a tree. */
export function holder(parent: string, tree: Tree): string {
	const root = mkdtempSync(join(parent, "tree-"));
	change(root, new Map(), tree);
	return root;
}
