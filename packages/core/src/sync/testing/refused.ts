import { expect } from "vitest";
import { type BenchmarkHome, benchmarkHome } from "./benchmark-home.ts";

/** Returns a synced clone with upstream one commit ahead. */
export async function behind(): Promise<BenchmarkHome> {
	const home = benchmarkHome({ "a.txt": "1\n", "b.txt": "1\n", ".gitignore": "*.log\n" });
	home.register({ ref: "main" });
	await home.sync();
	home.publish({ "a.txt": "2\n", "new.txt": "upstream\n", "kept.log": "upstream\n" });
	return home;
}

/** Checks that the sync is refused with this message and that the clone is unchanged. */
export async function refused(home: BenchmarkHome, words: string | RegExp, options: { reset?: boolean } = {}) {
	await home.status();
	const before = home.snapshot();
	expect(await home.plan(options)).toMatchObject({ action: "refuse", message: expect.stringMatching(words) });
	expect(await home.sync(options)).toMatchObject({ outcome: "refused", message: expect.stringMatching(words) });
	expect(home.snapshot()).toEqual(before);
	expect(await home.status()).toMatchObject({ lastSync: { status: "failed" } });
}
