import { mkdirSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { tempTree, writeTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { scriptClosure } from "./script-closure.ts";
import { openDiskView } from "./source.ts";

/** Returns the files, packages and programs that `start` depends on, relative to the tree. */
function closureOf(files: Record<string, string>, ...start: string[]) {
	const root = tempTree(files);
	return follow(root, ...start);
}

function follow(root: string, ...start: string[]) {
	const closure = scriptClosure(
		start.map((path) => join(root, path)),
		{ view: openDiskView(), root, workingDirectories: [root] },
	);
	const named = ({ at, message }: (typeof closure.diagnostics)[number]) =>
		`${relative(root, at.file)}:${at.line} ${message}`;
	return {
		files: closure.files.map((path) => relative(root, path)),
		packages: closure.packages,
		programs: closure.programs,
		warnings: closure.diagnostics.map(named),
	};
}

test("JavaScript: follows static, literal dynamic and require imports, URLs and paths relative to the script", () => {
	const { files, packages, warnings } = closureOf(
		{
			"a.mjs": `import x from "./b.mjs"; export * from "./c.js"; import "node:fs"; import "lodash/fp"; import "@scope/pkg/x";
import data from "./data.json" with { type: "json" };
const y = await import("./lazy.mjs"); const u = new URL("./fixture.txt", import.meta.url); import.meta.resolve("./r.mjs");
// import "./comment.mjs"
const text = 'import "./text.mjs"';`,
			"b.mjs": 'import "../outside/x.mjs"; import "./missing.mjs";',
			"c.js":
				'const d = require("./d"); const e = require("./e/"); require.resolve("./f.cjs"); path.join(__dirname, "sub", "g.txt")',
			"d.js": "",
			"e/index.js": "",
			"f.cjs": "",
			"sub/g.txt": "",
			"data.json": "{}",
			"lazy.mjs": "",
			"fixture.txt": "",
			"r.mjs": "",
			"comment.mjs": "",
			"text.mjs": "",
			"package.json": '{"type": "commonjs"}',
		},
		"a.mjs",
	);
	expect(files).toEqual([
		...["a.mjs", "b.mjs", "c.js", "d.js", "data.json", "e/index.js", "f.cjs", "fixture.txt", "lazy.mjs"],
		...["package.json", "r.mjs", "sub/g.txt"],
	]);
	expect(packages).toEqual(["@scope/pkg", "lodash"]);
	expect(warnings).toEqual([
		'b.mjs:1 the script imports "../outside/x.mjs", which does not exist',
		'b.mjs:1 the script imports "./missing.mjs", which does not exist',
	]);
});

test("JavaScript: follows the function that createRequire returns, under any name", () => {
	const { files, warnings } = closureOf(
		{
			"a.mjs": `import { createRequire } from "node:module";
const r = createRequire(import.meta.url);
const a = r("./a.cjs"), b = r.resolve("./b.cjs");
createRequire(import.meta.url)("./c.json");
r(name); other("./no.cjs"); x.r("./no.cjs");
`,
			"b.mts": `import * as module from "module"; import { createRequire as $make } from "module";
import x from "./c.json" with { type: "json" }; let load: NodeJS.Require = module.createRequire(fileURLToPath(import.meta.url)); load('./d.cjs');
const $ = $make(import.meta.url); $("./e.cjs");
`,
			...{ "a.cjs": "", "b.cjs": "", "c.json": "{}", "d.cjs": "", "e.cjs": "", "no.cjs": "" },
		},
		"a.mjs",
		"b.mts",
	);
	expect(files).toEqual(["a.cjs", "a.mjs", "b.cjs", "b.mts", "c.json", "d.cjs", "e.cjs"]);
	expect(warnings).toEqual(["a.mjs:5 a computed require: the files it needs can't be determined"]);
});

test("warns about computed imports with their line, and includes the files that match a pattern", () => {
	const { files, warnings } = closureOf(
		{
			"a.mjs": "const name = 1;\nawait import(`./rules/${name}.mjs`);\nawait import(name);\n",
			"b.cjs": "require(name)",
			"rules/one.mjs": "",
			"rules/two.mjs": "",
			"rules/not.txt": "",
		},
		"a.mjs",
		"b.cjs",
	);
	expect(files).toEqual(["a.mjs", "b.cjs", "rules/one.mjs", "rules/two.mjs"]);
	expect(warnings.sort()).toEqual([
		"a.mjs:2 a computed import: the files it needs can't be determined",
		"a.mjs:3 a computed import: the files it needs can't be determined",
		"b.cjs:1 a computed require: the files it needs can't be determined",
	]);
});

test("TypeScript: resolves omitted and compiled extensions, index files, JSX and imports of the package itself", () => {
	const { files } = closureOf(
		{
			"x/main.ts":
				'import { a } from "./a"; import type { T } from "./types.js"; import "./dir"; import "#lib/z"; import "./view.tsx";',
			"x/a.ts": "export const a = 1;",
			"x/types.ts": "",
			"x/dir/index.ts": "",
			"x/view.tsx": 'import "./v.css";\nexport const V = () => <p>it\'s "quoted</p>;\n',
			"x/v.css": "",
			"lib/z.ts": "",
			"package.json": '{"imports": {"#lib/*": {"bun": "./lib/*.ts"}}}',
		},
		"x/main.ts",
	);
	expect(files).toEqual([
		...["lib/z.ts", "package.json", "x/a.ts", "x/dir/index.ts", "x/main.ts", "x/types.ts", "x/v.css", "x/view.tsx"],
	]);
});

test("Python: follows modules and packages next to the script, and files located by __file__", () => {
	const { files, warnings } = closureOf(
		{
			"g/check.py": `import json, helper
from pkg.sub import (
    thing,  # comment
    other,
)
from . import sibling
import importlib
mod = importlib.import_module(name)
RULES = Path(__file__).parent / "data" / "rules.json"
UP = os.path.join(os.path.dirname(os.path.dirname(__file__)), "up.txt")
`,
			"g/helper.py": "from pkg import late",
			"g/pkg/__init__.py": "",
			"g/pkg/sub.py": "import deep.module",
			"g/pkg/late.py": "",
			"g/pkg/data.bin": "",
			"g/deep/module.py": "",
			"g/sibling.py": "",
			"g/data/rules.json": "",
			"up.txt": "",
			"g/unrelated.py": "",
		},
		"g/check.py",
	);
	expect(files).toEqual([
		...["g/check.py", "g/data/rules.json", "g/deep/module.py", "g/helper.py", "g/pkg/__init__.py", "g/pkg/data.bin"],
		...["g/pkg/late.py", "g/pkg/sub.py", "g/sibling.py", "up.txt"],
	]);
	expect(warnings).toEqual(["g/check.py:8 a computed import: the files it needs can't be determined"]);
});

test("shell: follows sourced files and programs next to the script", () => {
	const { files, programs, warnings } = closureOf(
		{
			"s/run":
				'#!/usr/bin/env bash\nDIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n. ./common.sh\nsource "$DIR/lib/x.sh"\nnode "$(dirname "$0")/tool.mjs"\nsource "$WHERE_EVER"\n# . ./commented.sh\n',
			"s/common.sh": "source shared.sh\n",
			"shared.sh": "",
			"s/lib/x.sh": "",
			"s/tool.mjs": 'import "./t.mjs";',
			"s/t.mjs": "",
			"s/commented.sh": "",
		},
		"s/run",
	);
	expect(files).toEqual(["s/common.sh", "s/lib/x.sh", "s/run", "s/t.mjs", "s/tool.mjs", "shared.sh"]);
	expect(programs).toEqual(["bash"]);
	expect(warnings).toEqual(["s/run:6 a sourced file with a computed name: the files it needs can't be determined"]);
});

test("handles cycles, links, binary files and unsupported languages", () => {
	const root = tempTree({
		"a.mjs": 'import "./b.mjs"; import "./linked.mjs"',
		"b.mjs": 'import "./a.mjs"',
		"real/c.mjs": 'import "./d.mjs"',
		"real/d.mjs": "",
	});
	symlinkSync("real/c.mjs", join(root, "linked.mjs"));
	mkdirSync(join(root, "loop"));
	symlinkSync(".", join(root, "loop/again"));
	writeTree(root, {
		"e.mjs": 'new URL("./loop", import.meta.url); new URL("..", import.meta.url)',
		bin: Uint8Array.from([0xff, 0xfe, 0]),
		"loop/file": "",
		"x.rb": "require 'y'",
	});
	expect(follow(root, "a.mjs").files).toEqual(["a.mjs", "b.mjs", "linked.mjs", "real/d.mjs"]);
	const rest = follow(root, "e.mjs", "bin", "x.rb");
	expect(rest.files).toEqual(["bin", "e.mjs", "loop/file", "x.rb"]);
	expect(rest.warnings).toEqual(["x.rb:1 imports in an unsupported language: the files it needs can't be determined"]);
});
