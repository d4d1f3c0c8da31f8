import { execFileSync } from "node:child_process";
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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitTestEnvironment, law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { applyChanges } from "./apply-changes.ts";
import { ChangeStore } from "./change-store.ts";
import { changesSince } from "./file-changes.ts";
import { IgnoreRules } from "./ignore-rules.ts";
import { Pristine } from "./pristine.ts";
import { type ChangeServices, takeSnapshot } from "./snapshot.ts";

/** A tree as a map from paths, one character a byte. A directory is there only when it is empty. */
type Tree = ReadonlyMap<string, Entry>;
type Entry =
	| { readonly kind: "file"; readonly content: string; readonly executable: boolean }
	| { readonly kind: "link"; readonly target: string }
	| { readonly kind: "directory" };

const bytes = (text: string) => Buffer.from(text, "latin1");
const utf8 = (text: string) => Buffer.from(text).toString("latin1");
const at = (root: string, path: string) => Buffer.concat([Buffer.from(`${root}/`), bytes(path)]);

const plainNames = [
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
const rawNames = [...plainNames, "raw\xff", "\xfe dir"];
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
// Beyond what is shown whole: once compressible, once not.
const large = [
	`${"large line\n".repeat(220_000)}`,
	Buffer.from(Array.from({ length: 2_200_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 255)).toString("latin1"),
];

function trees(names: readonly string[]): fc.Arbitrary<Tree> {
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
			// What is in the way, above or below, goes.
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

/** Makes `root`, which holds `from`, hold `to`; what is the same is not touched. */
function change(root: string, from: Tree, to: Tree): void {
	for (const [path, entry] of from) if (!same(entry, to.get(path))) rmSync(at(root, path), { recursive: true });
	// Directories that only held files.
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

/** The directories above a path, the nearest first. */
function parents(path: string): string[] {
	const parts = path.split("/");
	return parts.slice(1).map((_, index) => parts.slice(0, parts.length - 1 - index).join("/"));
}

/** What is below a directory. */
function readTree(root: string, prefix = "", tree = new Map<string, Entry>()): Map<string, Entry> {
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

const sorted = (tree: Tree) =>
	[...tree].sort(([one], [other]) => (one < other ? -1 : 1)).map(([path, entry]) => ({ path, ...entry }));
const files = (tree: Tree) => sorted(tree).filter(({ kind }) => kind !== "directory");

/** Services for comparing with a pristine tree. */
function services(home: string, pristineRoot: string): ChangeServices {
	const pristine = new Pristine(pristineRoot);
	const store = new ChangeStore(join(home, "changes.git"), gitTestEnvironment);
	return {
		pristine,
		store,
		rules: new IgnoreRules(pristine, store, join(home, "rules")),
		patchFile: () => join(home, "patch.diff"),
	};
}

/** What changed from `hooked`, which hooks made of `template`, to `after`; the patch in a file. */
async function patchBetween(home: string, template: Tree, hooked: Tree, after: Tree) {
	const one = services(home, holder(home, template));
	const root = join(home, "ws");
	const clean = await one.pristine.copyTo(root);
	change(root, template, hooked);
	const snapshot = await takeSnapshot(root, { clean, touched: true }, one);
	change(root, hooked, after);
	const changes = await changesSince(snapshot, root, one);
	const patchFile = join(home, "p.diff");
	if (changes)
		writeFileSync(patchFile, "text" in changes.patch ? changes.patch.text : readFileSync(changes.patch.file));
	return { ...one, changes, patchFile };
}

/** A new directory that holds a tree. */
function holder(parent: string, tree: Tree): string {
	const root = mkdtempSync(join(parent, "tree-"));
	change(root, new Map(), tree);
	return root;
}

test("whatever a target does to the files, the recorded patch does it again to a fresh copy, byte for byte", async () => {
	await fc.assert(
		fc.asyncProperty(trees(plainNames), trees(rawNames), trees(rawNames), async (template, hooked, after) => {
			const home = mkdtempSync(join(tmpdir(), "agentv-law-"));
			try {
				const { changes, patchFile, store } = await patchBetween(home, template, hooked, after);
				const rebuilt = holder(home, hooked);
				if (changes) await applyChanges(patchFile, rebuilt, { store });
				expect(sorted(readTree(rebuilt))).toEqual(sorted(after));
				// Plain git knows nothing of empty directories.
				const patched = holder(home, new Map([...hooked].filter(([, { kind }]) => kind !== "directory")));
				if (changes && readFileSync(patchFile, "utf8").includes("diff --git"))
					execFileSync("git", ["apply", patchFile], {
						cwd: patched,
						env: { PATH: process.env["PATH"] },
						stdio: "pipe",
					});
				expect(files(readTree(patched))).toEqual(files(after));
			} finally {
				rmSync(home, { recursive: true, force: true });
			}
		}),
		law(200),
	);
}, 240_000);
