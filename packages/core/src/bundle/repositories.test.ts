import { rmSync } from "node:fs";
import { join } from "node:path";
import { bareRepository, git, gitRepository, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import { makeBundle } from "./testing/make-bundle.ts";

const evalText = (repos: string) => `target: {name: m, provider: mock}
workspace:
  repos: ${repos}
tests: [{id: a, input: hi, criteria: x}]
`;

/**
 * Creates a remote with two commits on main, the first one tagged v1. Its file:// URL counts as
 * local.
 */
function remote(root: string) {
	const work = gitRepository(join(root, "work"), { "a.txt": "one" });
	const first = work.git("rev-parse", "HEAD");
	work.tag("v1", { annotated: true });
	const second = work.commit({ "a.txt": "two" });
	return { first, second, work, bare: work.pushTo(bareRepository(join(root, "remote.git"))) };
}

const environment = (root: string) => ({ PATH: process.env.PATH, HOME: root, AGENTV_HOME: join(root, "home") });

test("keeps a branch and marks it as unpinned; a SHA counts as pinned", async () => {
	const root = tempTree({
		"eval/e.eval.yaml": evalText(
			"[{path: a, repo: acme/app, commit: main}, {path: b, repo: acme/app, commit: 0123456789012345678901234567890123456789}, {path: c, repo: 'https://user:secret@example.invalid/x.git'}]",
		),
	});
	const { manifest, plan } = await makeBundle(join(root, "eval/e.eval.yaml"), { env: environment(root) });
	expect(manifest.repos).toEqual([
		{ path: "a", repo: "acme/app", requested: "main", sha: null, vendored: null },
		{
			path: "b",
			repo: "acme/app",
			requested: "0123456789012345678901234567890123456789",
			sha: "0123456789012345678901234567890123456789",
			vendored: null,
		},
		{ path: "c", repo: "https://example.invalid/x.git", requested: null, sha: null, vendored: null },
	]);
	expect(plan.warnings.map(({ rule }) => rule)).toEqual(["repos.unpinned", "repos.unpinned"]);
	expect(manifest.requires.executables).toContain("git");
});

test("always pins and includes a local repository", async () => {
	const root = tempTree();
	const { first, second, bare } = remote(root);
	const text = evalText(`
    - {path: one, repo: ../work, commit: v1} # the tag
    - {path: two, repo: "file://${bare}"}
    - {path: three, source: {url: "file://${bare}"}, checkout: {ref: main}, ancestor: 1}`);
	const files = tempTree({ "eval/e.eval.yaml": text.replace("../work", join(root, "work")) });
	const { manifest, read, output } = await makeBundle(join(files, "eval/e.eval.yaml"), {
		env: environment(root),
		includeOutside: true,
	});
	expect(manifest.repos.map(({ path, sha, vendored }) => [path, sha, vendored])).toEqual([
		["one", first, "repos/work.bundle"],
		["two", second, "repos/remote.bundle"],
		["three", second, "repos/remote.bundle"],
	]);
	expect(read("eval.yaml")).toContain("# the tag");
	expect(parse(read("eval.yaml")).workspace.repos).toEqual([
		{ path: "one", repo: "./repos/work.bundle", commit: first },
		{ path: "two", repo: "./repos/remote.bundle", commit: second },
		{ path: "three", source: { url: "./repos/remote.bundle" }, checkout: { ref: second }, ancestor: 1 },
	]);
	rmSync(root, { recursive: true });
	const clone = join(files, "clone");
	git(files, "clone", "--quiet", join(output, "repos/work.bundle"), clone);
	expect(git(clone, "rev-parse", "HEAD")).toBe(first);
	expect(git(clone, "cat-file", "--batch-all-objects", "--batch-check")).not.toContain(second);
	expect((await verifyBundle(output)).problems).toEqual([]);
});

test("counts a vendored repository by its commit in the digest, because packing differs", async () => {
	const root = tempTree();
	const { work } = remote(root);
	const files = tempTree({ "eval/e.eval.yaml": evalText(`[{path: a, repo: ${join(root, "work")}}]`) });
	const file = join(files, "eval/e.eval.yaml");
	const one = await makeBundle(file, { output: join(files, "one"), env: environment(root), includeOutside: true });
	work.git("repack", "-adf", "--depth=1", "--window=1");
	const two = await makeBundle(file, {
		output: join(files, "two"),
		env: { ...environment(root), AGENTV_HOME: join(root, "other") },
		includeOutside: true,
	});
	expect(one.manifest.digest).toBe(two.manifest.digest);
});

test("--pin asks the remote, and fails if it is unreachable or lacks the branch", async () => {
	const root = tempTree();
	const { work } = remote(root);
	const daemonless = tempTree({
		"eval/e.eval.yaml": evalText("[{path: a, repo: 'http://127.0.0.1:9/none.git', commit: main}]"),
	});
	const pinned = makeBundle(join(daemonless, "eval/e.eval.yaml"), { pin: true, env: environment(root) });
	await expect(pinned).rejects.toThrow(/127\.0\.0\.1|onnect/);
	const missing = tempTree({ "eval/e.eval.yaml": evalText(`[{path: a, repo: ${work.root}, commit: nowhere}]`) });
	const outside = { env: environment(root), includeOutside: true };
	await expect(makeBundle(join(missing, "eval/e.eval.yaml"), outside)).rejects.toThrow(
		/has no branch, tag or commit "nowhere"/,
	);
});
