import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";
import { ourselves } from "../machine/directories.ts";
import { withLock } from "../machine/lock.ts";
import { type MirroredCommit, mirrorCommit } from "../workspace/repositories.ts";
import { type PruneResult, pruneCache } from "./prune-cache.ts";

/** Creates a mirror that is still in use, and a function that prunes everything. */
async function mirrored() {
	const root = tempTree();
	const home = join(root, "home");
	const { root: path } = gitRepository(join(root, "app"), { "a.txt": "a" });
	const env = { PATH: process.env["PATH"], HOME: root, AGENTV_HOME: home };
	const source = { url: path, kind: "directory", shown: "./app" } as const;
	const commit: MirroredCommit = await mirrorCommit(source, undefined, 0, { env, agentvHome: home });
	const prune = (): Promise<PruneResult> =>
		pruneCache({ env, olderThanMs: 0, all: true, now: Date.now(), tempDirectory: join(root, "tmp") });
	return { commit, prune };
}

it("keeps a mirror that a process reads until that process releases it", async () => {
	const { commit, prune } = await mirrored();
	const during = await prune();
	expect(during.removed).toEqual([]);
	expect(during.kept).toMatchObject([{ reason: "in-use", item: { state: { is: "in-use", pid: process.pid } } }]);
	expect(existsSync(join(commit.mirror, "HEAD"))).toBe(true);
	commit.release();
	expect((await prune()).removed).toMatchObject([{ kind: "mirror", path: commit.mirror }]);
	expect(existsSync(commit.mirror)).toBe(false);
});

it("keeps a mirror that a process fetches into", async () => {
	const { commit, prune } = await mirrored();
	commit.release();
	const { kept } = await withLock(commit.mirror, prune);
	expect(kept).toMatchObject([{ reason: "in-use", item: { state: { pid: process.pid } } }]);
});

it("removes a mirror that a killed process left incomplete, even if its reader was killed too", async () => {
	const { commit, prune } = await mirrored();
	const { pid } = spawnSync(process.execPath, ["-e", "0"]);
	const dead = { ...ourselves("dead"), pid, started: "1" };
	writeFileSync(join(commit.mirror, "agentv-users", "dead.json"), JSON.stringify(dead));
	commit.release();
	rmSync(join(commit.mirror, "agentv-complete"), { recursive: true });
	expect((await prune()).removed).toMatchObject([{ state: { is: "left" } }]);
	expect(existsSync(commit.mirror)).toBe(false);
});
