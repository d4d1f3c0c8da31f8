import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bareRepository, git, gitHttpServer, gitRepository, type TestRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import type { RepositorySource } from "./repositories.ts";
import { submoduleSource } from "./submodules.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

/**
 * Creates `app` with a submodule `lib` that has a submodule `deep`, each with a later commit, in
 * `directory`.
 */
function family(directory: string, urlOf: (name: string) => string) {
	const deep = gitRepository(join(directory, "deep"), { "deep.txt": "deep\n" });
	const lib = gitRepository(join(directory, "lib"), { "lib.txt": "lib\n" });
	addSubmodule(lib, "inner/deep", urlOf("deep"), deep);
	const app = gitRepository(join(directory, "app"), { "app.txt": "app\n", "docs/x": "x\n" });
	const pinned = { lib: git(lib.root, "rev-parse", "HEAD"), deep: git(deep.root, "rev-parse", "HEAD") };
	const commit = addSubmodule(app, "vendor/lib", urlOf("lib"), lib);
	const later = lib.commit({ "later.txt": "later\n" });
	deep.commit({ "later.txt": "later\n" });
	return { app, lib, deep, commit, pinned, later };
}

/** Records the HEAD of `inner` as a submodule like `git submodule add`, but without a clone. */
function addSubmodule(outer: TestRepository, path: string, url: string, inner: TestRepository): string {
	const sha = git(inner.root, "rev-parse", "HEAD");
	writeFileSync(join(outer.root, ".gitmodules"), `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`);
	git(outer.root, "add", ".gitmodules");
	git(outer.root, "update-index", "--add", "--cacheinfo", `160000,${sha},${path}`);
	git(outer.root, "commit", "--quiet", "--message", "submodule");
	return git(outer.root, "rev-parse", "HEAD");
}

const evalOf = (repo: string, more = "", isolation = "per_test") =>
	`workspace: { isolation: ${isolation}, repos: [{ path: ./app, repo: ${JSON.stringify(repo)}${more} }] }`;

async function prepared(text: string) {
	const { spec, services } = workspaceFixture(text);
	return prepareWorkspaceBase(spec, services);
}

describe("submodules of a repository", () => {
	test.each(["per_test", "shared"])(
		"are at their recorded commits and contain no later ones (%s)",
		async (isolation) => {
			const { app, pinned, later } = family(tempTree(), (name) => `../${name}`);
			const base = await prepared(evalOf(app.root, "", isolation));
			const workspace = await base.open(aTest("t"));
			await workspace.before();
			const place = join(workspace.path, "app");
			const [lib, deep] = [join(place, "vendor/lib"), join(place, "vendor/lib/inner/deep")];
			expect(readFileSync(join(deep, "deep.txt"), "utf8")).toBe("deep\n");
			expect([git(lib, "rev-parse", "HEAD"), git(deep, "rev-parse", "HEAD")]).toEqual([pinned.lib, pinned.deep]);
			for (const one of [workspace.path, place, lib, deep]) expect(git(one, "status", "--porcelain")).toBe("");
			expect(git(lib, "cat-file", "--batch-all-objects", "--batch-check")).not.toContain(later);
			expect([git(lib, "remote"), git(deep, "remote")]).toEqual(["", ""]);
			writeFileSync(join(deep, "deep.txt"), "changed\n");
			expect((await workspace.fileChanges())?.shown).toContain("+++ b/app/vendor/lib/inner/deep/deep.txt");
			await workspace.close({ keep: false });
			expect(await base.close()).toEqual([]);
		},
	);

	test("are fetched by relative URLs, with the login of their repository", async () => {
		const directory = tempTree();
		const { app, lib, deep } = family(tempTree(), (name) => `../${name}.git`);
		for (const [name, one] of Object.entries({ app, lib, deep }))
			one.pushTo(bareRepository(join(directory, `${name}.git`)));
		const server = await gitHttpServer(directory, { login: { username: "me", password: "t0ken-abc" } });
		const base = await prepared(evalOf(`${server.url.replace("//", "//me:t0ken-abc@")}/app.git`));
		const workspace = await base.open(aTest("t"));
		expect(readFileSync(join(workspace.path, "app/vendor/lib/inner/deep/deep.txt"), "utf8")).toBe("deep\n");
		expect(JSON.stringify(base.repositories)).not.toContain("t0ken");
		await workspace.close({ keep: false });
		await base.close();
	});

	test("are read from the local work tree that has them, for any URL", async () => {
		const { app, lib, pinned } = family(tempTree(), (name) =>
			name === "lib" ? "https://127.0.0.1:9/lib.git" : "../../../deep",
		);
		git(app.root, "clone", "--quiet", lib.root, "vendor/lib");
		rmSync(lib.root, { recursive: true });
		const deep = join(app.root, "vendor/lib/inner/deep");
		git(app.root, "clone", "--quiet", join(app.root, "../deep"), deep);
		const base = await prepared(evalOf(app.root));
		const workspace = await base.open(aTest("t"));
		expect(git(join(workspace.path, "app/vendor/lib"), "rev-parse", "HEAD")).toBe(pinned.lib);
		await workspace.close({ keep: false });
		await base.close();
	});

	test("that are not in the sparse checkout are not needed", async () => {
		const { app } = family(tempTree(), () => "https://127.0.0.1:9/gone.git");
		for (const sparse of ["[docs]", '["/*", "!/vendor/lib"]']) {
			const base = await prepared(evalOf(app.root, `, sparse: ${sparse}`));
			const workspace = await base.open(aTest("t"));
			expect(git(join(workspace.path, "app"), "status", "--porcelain")).toBe("");
			await workspace.close({ keep: false });
			await base.close();
		}
	});
});

describe("an unavailable submodule is an error with its name:", () => {
	test.each([
		["an unreachable server", "https://127.0.0.1:9/lib.git", "can't be fetched"],
		["a missing repository", "../nowhere", "does not exist"],
		["another transport", "ext::touch x", "names another transport"],
		["an option", "--upload-pack=touch", 'begins with "-"'],
		["a missing commit", "../deep", "has no branch, tag or commit"],
	])("%s", async (_, url, message) => {
		const { app } = family(tempTree(), (name) => (name === "lib" ? url : "../deep"));
		await expect(prepared(evalOf(app.root))).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "repositories", reason: "submodule" },
			message: expect.stringMatching(new RegExp(`the submodule "vendor/lib" of .*${message.replace(/["[\]]/g, ".")}`)),
			hint: expect.stringContaining("!/vendor/lib"),
		});
	});

	test("without .gitmodules", async () => {
		const { app } = family(tempTree(), () => "../lib");
		git(app.root, "rm", "--quiet", "--force", ".gitmodules");
		git(app.root, "commit", "--quiet", "--message", "no modules");
		await expect(prepared(evalOf(app.root))).rejects.toMatchObject({
			message: expect.stringContaining(".gitmodules has no URL"),
		});
	});

	test("a local path in a remote repository or a bundle", async () => {
		const directory = tempTree();
		const { app } = family(tempTree(), () => "/etc/passwd");
		app.pushTo(bareRepository(join(directory, "app.git")));
		const server = await gitHttpServer(directory);
		const bundle = join(tempTree(), "app.bundle");
		app.git("bundle", "create", "--quiet", bundle, "main");
		for (const repo of [`${server.url}/app.git`, bundle])
			await expect(prepared(evalOf(repo, ", commit: main"))).rejects.toMatchObject({
				message: expect.stringContaining("is a local path"),
			});
	});
});

describe("URLs of submodules", () => {
	const parent = (url: string, more: Partial<RepositorySource> = {}): RepositorySource => ({
		url,
		kind: "remote",
		shown: url,
		...more,
	});
	test.each([
		["https://host/acme/app.git", "../lib.git", "https://host/acme/lib.git"],
		["https://host/acme/app.git/", "../../other/lib", "https://host/other/lib"],
		["git@host:acme/app.git", "../lib.git", "git@host:acme/lib.git"],
		["git@host:app.git", "../lib.git", "git@host:lib.git"],
		["https://host/acme/app.git", "./lib", "https://host/acme/app.git/lib"],
		["https://host/acme/app.git", "ssh://git@other/lib", "ssh://git@other/lib"],
	])("%s with %s resolves to %s", (from, url, to) => {
		expect(submoduleSource(parent(from), url)).toMatchObject({ url: to, kind: "remote" });
	});

	test.each([
		["https://host/app.git", "../../../../etc/passwd"],
		["https://host/app.git", "/etc/passwd"],
		["https://host/app.git", "file:///etc/passwd"],
		["git@host:app.git", "../../../x"],
	])("%s with %s is refused", (from, url) => {
		expect(() => submoduleSource(parent(from), url)).toThrow();
	});

	test("a login is sent only to its own server", () => {
		const credentials = { url: "https://host/app.git", username: "me", password: "secret" };
		const from = parent("https://host/acme/app.git", { credentials });
		expect(submoduleSource(from, "../lib.git").credentials).toMatchObject({
			url: "https://host/acme/lib.git",
			password: "secret",
		});
		for (const url of [
			"https://other/lib.git",
			"http://host/lib.git",
			"https://host.evil/lib.git",
			"https://host:8443/lib.git",
		])
			expect(submoduleSource(from, url).credentials).toBeUndefined();
	});
});
