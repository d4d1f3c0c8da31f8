import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gitTestEnvironment } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type BenchmarkHome, benchmarkHome } from "./testing/benchmark-home.ts";

/** Creates an upstream with a branch, two tags and an earlier commit. */
function manyRefs() {
	const home = benchmarkHome({ "a.txt": "first\n", "only-main.txt": "x\n" });
	const first = home.upstream.git("rev-parse", "HEAD");
	home.upstream.tag("v1", { annotated: true });
	home.upstream.branch("other");
	const other = home.upstream.commit({ "a.txt": "other\n", "only-main.txt": null });
	home.upstream.tag("v2");
	home.upstream.branch("main");
	const main = home.publish({ "a.txt": "main\n" });
	return { home, first, other, main };
}

const wantedBy: Readonly<
	Record<string, (refs: ReturnType<typeof manyRefs>) => readonly [ref: string, sha: string, branch: string]>
> = {
	branch: ({ main }) => ["main", main, "main"],
	"another branch": ({ other }) => ["other", other, "other"],
	"a full name": ({ other }) => ["refs/heads/other", other, "other"],
	"an annotated tag": ({ first }) => ["v1", first, "HEAD"],
	"a plain tag": ({ other }) => ["refs/tags/v2", other, "HEAD"],
	"a SHA": ({ first }) => [first, first, "HEAD"],
};
const kinds = Object.keys(wantedBy);

async function syncTo(refs: ReturnType<typeof manyRefs>, kind: string) {
	const [ref, sha, branch] = wantedBy[kind]?.(refs) ?? ["", "", ""];
	refs.home.register({ ref });
	const result = await refs.home.sync();
	expect(result, kind).toMatchObject({ to: sha });
	expect(refs.home.git("rev-parse", "HEAD")).toBe(sha);
	expect(refs.home.git("rev-parse", "--abbrev-ref", "HEAD")).toBe(branch);
	expect(refs.home.git("status", "--porcelain")).toBe("");
	expect(await refs.home.status()).toMatchObject({ revision: { state: "synced" }, workTree: { state: "clean" } });
	return result;
}

describe("a sync to the registry's ref", () => {
	test.each(kinds)("clones it and is then current: %s", async (kind) => {
		const refs = manyRefs();
		expect((await syncTo(refs, kind)).outcome).toBe("synced");
		expect((await syncTo(refs, kind)).outcome).toBe("current");
	});

	test("changes from each kind of ref to every other one", async () => {
		const refs = manyRefs();
		const tour = "branch, another branch, branch, an annotated tag, branch, a SHA, another branch, an annotated tag";
		const rest = "another branch, a SHA, an annotated tag, a SHA, branch, another branch";
		for (const kind of `${tour}, ${rest}`.split(", ")) await syncTo(refs, kind);
		refs.home.publish({ "a.txt": "later\n" });
		await syncTo({ ...refs, main: refs.home.upstream.git("rev-parse", "main") }, "branch");
		expect(refs.home.git("fsck", "--no-dangling")).toBe("");
	});

	test("updates a branch that fell behind while another ref was selected", async () => {
		const refs = manyRefs();
		await syncTo(refs, "branch");
		await syncTo(refs, "a SHA");
		for (let round = 0; round < 3; round++) refs.home.publish({ "a.txt": `${round}\n` });
		await syncTo({ ...refs, main: refs.home.upstream.git("rev-parse", "main") }, "branch");
		expect(refs.home.read("a.txt")).toBe("2\n");
	});

	test("keeps the branch's history complete after a plan for a tag", async () => {
		const home = benchmarkHome();
		home.register({ ref: "main" });
		await home.sync();
		home.publish({ "a.txt": "2\n" });
		home.publish({ "a.txt": "3\n" });
		home.upstream.tag("v3");
		home.upstream.pushTo(home.bare);
		home.register({ ref: "v3" });
		await home.plan();
		const main = home.publish({ "a.txt": "4\n" });
		home.register({ ref: "main" });
		expect(await home.status()).toMatchObject({ revision: { state: "behind", wantedSha: main } });
		expect(await home.sync()).toMatchObject({ outcome: "synced", to: main });
		expect(home.git("rev-list", "--count", "HEAD")).toBe("4");
	});

	test("follows a renamed default branch, where a plain pull works", async () => {
		const { home } = manyRefs();
		home.register({});
		await home.sync();
		home.upstream.git("branch", "--move", "trunk");
		home.upstream.pushTo(home.bare);
		const inBare = (...args: string[]) => execFileSync("git", args, { cwd: home.bare, env: gitTestEnvironment });
		inBare("symbolic-ref", "HEAD", "refs/heads/trunk");
		inBare("branch", "-D", "main");
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		home.publish({ "a.txt": "trunk\n" });
		home.git("pull", "--quiet");
		expect(home.read("a.txt")).toBe("trunk\n");
	});

	test("follows a moved tag", async () => {
		const { home } = manyRefs();
		home.register({ ref: "v2" });
		await home.sync();
		home.upstream.git("tag", "--force", "v2", "main");
		home.upstream.pushTo(home.bare);
		expect(await home.status()).toMatchObject({ revision: { state: "behind" } });
		expect(await home.sync()).toMatchObject({ outcome: "synced", to: home.upstream.git("rev-parse", "main") });
	});

	test("prefers a branch to a tag of the same name, unless the full name is given", async () => {
		const { home, first, main } = manyRefs();
		home.upstream.git("tag", "main", first);
		home.upstream.pushTo(home.bare);
		home.register({ ref: "main" });
		expect(await home.sync()).toMatchObject({ to: main });
		home.register({ ref: "refs/tags/main" });
		expect(await home.sync()).toMatchObject({ to: first });
	});

	test("replaces a branch whose name conflicts with the new one, unless it has local commits", async () => {
		const { home, other } = manyRefs();
		home.register({ ref: "other" });
		await home.sync();
		home.upstream.git("branch", "--move", "other", "other/deep");
		const inBare = (...args: string[]) => execFileSync("git", args, { cwd: home.bare, env: gitTestEnvironment });
		inBare("branch", "-D", "other");
		home.upstream.pushTo(home.bare);
		home.register({ ref: "other/deep" });
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		expect(await home.sync()).toMatchObject({ outcome: "refused", message: expect.stringContaining("local commits") });
		home.git("reset", "--quiet", "--hard", other);
		expect(await home.sync()).toMatchObject({ outcome: "synced", to: other });
		expect(home.git("for-each-ref", "--format=%(refname)", "refs/heads")).toBe("refs/heads/other/deep");
		home.upstream.git("branch", "--move", "other/deep", "other");
		inBare("branch", "-D", "other/deep");
		home.upstream.pushTo(home.bare);
		home.register({ ref: "other" });
		expect(await home.sync()).toMatchObject({ outcome: "synced", to: other });
		expect(home.git("rev-parse", "--abbrev-ref", "HEAD")).toBe("other");
	});

	test("reports a branch that upstream deleted", async () => {
		const { home } = manyRefs();
		home.register({ ref: "other" });
		await home.sync();
		execFileSync("git", ["branch", "-D", "other"], { cwd: home.bare, env: gitTestEnvironment, stdio: "ignore" });
		expect(await home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining('no branch or tag "other"'),
		});
		expect(home.read("a.txt")).toBe("other\n");
	});

	test.each([
		["none", 'no branch or tag "none"'],
		["abc1234", "full 40-character SHA"],
		[`${"0".repeat(39)}1`, "does not have this ref"],
	])("refuses the missing ref %s with a reason", async (ref, words) => {
		const { home } = manyRefs();
		home.register({ ref });
		expect(await home.sync()).toMatchObject({ outcome: "refused", message: expect.stringContaining(words) });
		expect(home.read("a.txt")).toBeUndefined();
	});

	test("reports an empty repository", async () => {
		const home = benchmarkHome();
		execFileSync("git", ["init", "--bare", "--quiet", join(home.root, "empty")], { env: gitTestEnvironment });
		home.register({ url: `file://${home.root}/empty` });
		expect(await home.sync()).toMatchObject({ outcome: "refused", message: expect.stringContaining("no commits yet") });
	});

	test("uses a variable's value and follows its change", async () => {
		const { home, main, other } = manyRefs();
		home.register({ ref: "${{ REF:-main }}" });
		expect(await home.sync()).toMatchObject({ to: main });
		expect(await home.sync({ env: { ...home.env, REF: "other" } })).toMatchObject({ to: other });
	});
});

describe("a changed URL", () => {
	const mirror = (home: BenchmarkHome, name = "mirror") => home.upstream.pushTo(join(home.root, `served/${name}.git`));

	test("with the same history is adopted", async () => {
		const { home } = manyRefs();
		home.register({ ref: "main" });
		await home.sync();
		home.upstream.commit({ "a.txt": "only in the mirror\n" });
		const url = `file://${mirror(home)}`;
		home.register({ url, ref: "main" });
		expect(await home.status()).toMatchObject({ revision: { state: "behind", reason: "the URL changed" } });
		expect(home.git("config", "remote.origin.url")).toBe(home.url);
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(home.read("a.txt")).toBe("only in the mirror\n");
		expect(home.git("config", "remote.origin.url")).toBe(url);
		expect(await home.sync()).toMatchObject({ outcome: "current" });
	});

	test("with the same commit is only recorded", async () => {
		const { home, main } = manyRefs();
		home.register({ ref: "main" });
		await home.sync();
		home.register({ url: `file://${mirror(home)}`, ref: "main" });
		expect(await home.sync()).toMatchObject({ outcome: "synced", from: main, to: main });
		expect(await home.sync()).toMatchObject({ outcome: "current" });
	});

	test("and ref are adopted together", async () => {
		const { home, other } = manyRefs();
		home.register({ ref: "main" });
		await home.sync();
		home.register({ url: `file://${mirror(home)}`, ref: other });
		expect(await home.sync()).toMatchObject({ outcome: "synced", to: other });
	});

	test("of a mirror that is behind is not foreign history, and never moves the clone back automatically", async () => {
		const { home } = manyRefs();
		const url = `file://${mirror(home)}`;
		home.publish({ "a.txt": "newer\n" });
		home.register({ ref: "main" });
		await home.sync();
		home.register({ url, ref: "main" });
		expect(await home.sync()).toMatchObject({ outcome: "refused" });
		expect(home.read("a.txt")).toBe("newer\n");
	});

	test("of a repository without a common commit is refused without changes", async () => {
		const { home } = manyRefs();
		home.register({ ref: "main" });
		await home.sync();
		const stranger = benchmarkHome({ "x.txt": "x\n" });
		home.register({ url: stranger.url, ref: "main" });
		const before = home.snapshot();
		expect(await home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("without common history"),
		});
		const after = home.snapshot() as { refs: string };
		expect({ ...after, refs: "" }).toEqual({ ...(before as object), refs: "" });
		expect(home.git("config", "remote.origin.url")).toBe(home.url);
	});
});
