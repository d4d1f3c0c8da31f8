import { describe, expect, test } from "vitest";
import { benchmarkHome } from "./testing/benchmark-home.ts";

describe("a first sync", () => {
	test("clones the remote's HEAD branch, shallow and filtered, and reports the commit", async () => {
		const home = benchmarkHome();
		home.register({});
		expect(await home.status()).toMatchObject({
			revision: { state: "missing" },
			message: expect.stringContaining("not cloned yet"),
		});
		const head = home.upstream.git("rev-parse", "HEAD");
		expect(await home.sync()).toMatchObject({ outcome: "synced", from: null, to: head });
		expect(home.read("a.txt")).toBe("1\n");
		expect(home.git("status", "--porcelain")).toBe("");
		expect(home.git("rev-parse", "refs/agentv/base", "HEAD", "--abbrev-ref", "HEAD")).toBe(`${head}\n${head}\nmain`);
		expect(home.git("config", "remote.origin.partialclonefilter")).toBe("blob:none");
		expect(await home.status()).toMatchObject({
			revision: { state: "synced", sha: head },
			workTree: { state: "clean" },
			lastSync: { status: "succeeded", to: head },
		});
		expect(await home.sync()).toMatchObject({ outcome: "current", from: head, to: head });
	});

	test("is followed by updates", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		const from = home.git("rev-parse", "HEAD");
		home.publish({ "a.txt": "2\n" });
		const to = home.publish({ "c.txt": "new\n", "b.txt": null });
		expect(await home.status()).toMatchObject({ revision: { state: "behind", wantedSha: to, sha: from } });
		expect(await home.plan()).toMatchObject({
			action: "update",
			from,
			to,
			changes: { commits: 2, added: ["c.txt"], changed: ["a.txt"], removed: ["b.txt"] },
		});
		expect(home.git("rev-parse", "HEAD")).toBe(from);
		expect(await home.sync()).toMatchObject({ outcome: "synced", from, to });
		expect([home.read("a.txt"), home.read("b.txt"), home.read("c.txt")]).toEqual(["2\n", undefined, "new\n"]);
		expect(home.git("status", "--porcelain")).toBe("");
		expect(home.git("fsck")).toBe("");
	});
});
