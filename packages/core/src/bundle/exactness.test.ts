import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";

const evalText = `target: {name: m, provider: mock, response: hi}
workspace: ./t
input_files: [./prompts/link.md]
tests: [{id: a, input: hi, assertions: [{type: code-grader, command: [./graders/run.sh]}]}]
`;

function awkwardTree(root: string): void {
	mkdirSync(join(root, "eval/t/empty/inner"), { recursive: true });
	const write = (path: string, content: string | Uint8Array, mode = 0o644) => {
		writeFileSync(join(root, "eval", path), content);
		chmodSync(join(root, "eval", path), mode);
	};
	mkdirSync(join(root, "eval/graders"));
	mkdirSync(join(root, "eval/prompts/real"), { recursive: true });
	write("e.eval.yaml", evalText);
	write("t/crlf.txt", "a\r\nb\r\n");
	write("t/latin1.txt", Buffer.from([0x66, 0xfc, 0x72, 0x0d]));
	write("t/bom.txt", "\uFEFFx");
	write(
		"t/all-bytes",
		Uint8Array.from({ length: 256 }, (_, byte) => byte),
	);
	write("t/nothing", "");
	write("t/hook.sh", "#!/bin/sh\n", 0o755);
	write("t/new\nline", "1");
	write("t/back\\slash", "2");
	write("t/ünïcode \u{1f600} and blanks ", "3");
	write("t/-rf", "4");
	write("t/$(touch x)`'\"", "5");
	write("t/token-counter.py", "max_tokens = 4096\n");
	write("graders/run.sh", "#!/bin/sh\n. ./lib.sh\n", 0o755);
	write("graders/lib.sh", "");
	write("prompts/real/p.md", "prompt");
	symlinkSync("crlf.txt", join(root, "eval/t/link"));
	symlinkSync("empty", join(root, "eval/t/dir-link"));
	symlinkSync("not/there", join(root, "eval/t/dangling"));
	symlinkSync("real/p.md", join(root, "eval/prompts/link.md"));
}

test("keeps bytes, executable bits, links, empty directories and unusual names", async () => {
	const root = tempTree();
	awkwardTree(root);
	const { output, read } = await makeBundle(join(root, "eval/e.eval.yaml"));
	expect(treeOf(join(output, "workspace"))).toEqual(treeOf(join(root, "eval/t")));
	const bundled = treeOf(output);
	expect(bundled["data/link.md"]).toBe("-> real/p.md");
	expect(bundled["data/real/p.md"]).toBe("- prompt");
	expect(bundled["scripts/run.sh"]).toBe("x #!/bin/sh\n. ./lib.sh\n");
	expect(read("eval.yaml")).toContain("./data/link.md");
	expect(await verifyBundle(output)).toMatchObject({ ok: true, replacedLinks: [] });
});

test("copies a large file byte for byte", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": evalText.replace(/input_files.*\n/, "").replace(/, assertions.*/, ", criteria: x}]"),
	});
	const bytes = Buffer.alloc(5_000_003, "0123456789abcdef\n");
	mkdirSync(join(root, "eval/t"));
	writeFileSync(join(root, "eval/t/big"), bytes);
	const { output, manifest } = await makeBundle(join(root, "eval/e.eval.yaml"));
	const sum = execFileSync("sha256sum", [join(output, "workspace/big")], { encoding: "utf8" }).slice(0, 64);
	expect(manifest.files.find(({ path }) => path === "workspace/big")).toMatchObject({
		sha256: sum,
		size: bytes.length,
	});
});

test("makes the same digest for another directory, user, time, umask and order on disk", async () => {
	const digests: string[] = [];
	for (const [index, umask] of [0o022, 0o077, 0o002].entries()) {
		const root = tempTree();
		const before = process.umask(umask);
		try {
			awkwardTree(root);
			const there = join(root, `some/where/${index}`);
			cpSync(join(root, "eval"), join(there, "eval"), { recursive: true, verbatimSymlinks: true });
			const { manifest } = await makeBundle(join(there, "eval/e.eval.yaml"), {
				now: new Date(index * 1e10),
				env: index === 1 ? { UNUSED: "x", HOME: "/nowhere" } : {},
				cwd: index === 2 ? "/" : there,
			});
			digests.push(manifest.digest);
			expect(manifest.createdAt).toBe(new Date(index * 1e10).toISOString().replace(".000", ""));
		} finally {
			process.umask(before);
		}
	}
	expect(new Set(digests).size).toBe(1);
});

test("writes identical bytes if SOURCE_DATE_EPOCH fixes the time as well", async () => {
	const root = tempTree();
	awkwardTree(root);
	const file = join(root, "eval/e.eval.yaml");
	const env = { SOURCE_DATE_EPOCH: "86400" };
	const one = await makeBundle(file, { output: join(root, "one"), env });
	const two = await makeBundle(file, { output: join(root, "two"), env });
	expect(treeOf(one.output)).toEqual(treeOf(two.output));
	expect(one.manifest.createdAt).toBe("1970-01-02T00:00:00Z");
});

test("leaves a bundle that is bundled onto itself unchanged, and copies it byte for byte elsewhere", async () => {
	const root = tempTree();
	awkwardTree(root);
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	const before = treeOf(output);
	const same = await makeBundle(join(output, "eval.yaml"), { output });
	expect(same.plan.kind).toBe("unchanged");
	expect(treeOf(output)).toEqual(before);
	const copy = await makeBundle(join(output, "eval.yaml"), { output: join(root, "copy") });
	expect(copy.plan.kind).toBe("copy");
	expect(treeOf(copy.output)).toEqual(before);
});

test("bundles an edited bundle like any other source", async () => {
	const root = tempTree();
	awkwardTree(root);
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	writeFileSync(join(output, "workspace/crlf.txt"), "other");
	const again = await makeBundle(join(output, "eval.yaml"), { output: join(root, "again") });
	expect(again.plan.kind).toBe("bundle");
	expect(again.read("workspace/crlf.txt")).toBe("other");
	expect((await verifyBundle(again.output)).ok).toBe(true);
});
