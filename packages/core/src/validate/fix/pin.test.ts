import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { git, gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { openDiskView } from "../../eval/source.ts";
import type { FixWhen } from "../rule.ts";
import { applyFixes, planFixes } from "./plan-fixes.ts";

/**
 * Creates a remote with two branches and both kinds of tags, and an eval whose repositories `repos`
 * writes.
 */
function place(repos: (url: string) => string) {
	const root = tempTree();
	const upstream = gitRepository(join(root, "upstream"), { "a.txt": "1\n" });
	const first = git(upstream.root, "rev-parse", "HEAD");
	upstream.tag("v1", { annotated: true });
	upstream.branch("next");
	const next = upstream.commit({ "a.txt": "2\n" });
	upstream.tag("light");
	const url = pathToFileURL(upstream.pushTo(join(root, "remote.git"))).href;
	gitRepository(join(root, "work"), {
		"eval.yaml": `# keep\nworkspace:\n  repos:\n${repos(url)}tests:\n  - { id: a, input: hi, criteria: greets }\n`,
		"targets.yaml": "targets:\n  - { name: default, provider: mock }\n",
	});
	const cwd = join(root, "work");
	const options = () => ({ view: openDiskView(), env: gitTestEnvironment, cwd, modes: new Set<FixWhen>(["pin"]) });
	const pin = async () => {
		const plan = await planFixes([join(cwd, "eval.yaml")], options());
		applyFixes(plan, options());
		return plan;
	};
	return { pin, first, next, url, text: () => readFileSync(join(cwd, "eval.yaml"), "utf8") };
}

const repo = (path: string, url: string, commit = "") => `    - path: ./${path}\n      repo: ${url}\n${commit}`;

describe("pinning repositories", () => {
	it("writes only the commits of the remote's branches, tags and HEAD", async () => {
		const asked = (url: string) =>
			[
				repo("a", url, "      commit: next # a branch\n"),
				repo("b", url, '      commit: "v1"\n'),
				repo("c", url, "      commit: light\n"),
				repo("d", url),
			].join("");
		const { pin, first, next, url, text } = place(asked);
		const before = text();
		const plan = await pin();
		expect(plan.refused).toEqual([]);
		expect(text()).toBe(
			before
				.replace("commit: next #", `commit: ${next} #`)
				.replace('commit: "v1"', `commit: "${first}"`)
				.replace("commit: light", `commit: ${next}`)
				.replace(`./d\n      repo: ${url}\n`, `./d\n      repo: ${url}\n      commit: ${first}\n`),
		);
		expect((await pin()).files).toEqual([]);
	});

	it("does not change a ref that the remote doesn't have, and reports it", async () => {
		const { pin, text } = place((url) => repo("a", url, "      commit: nowhere\n"));
		const before = text();
		expect((await pin()).refused.map(({ reason }) => reason)).toEqual(['the remote has no branch or tag "nowhere"']);
		expect(text()).toBe(before);
	});

	it("does not change a repository whose remote is unreachable", async () => {
		const { pin, text } = place((url) => repo("a", `${url}.gone`, "      commit: main\n"));
		const before = text();
		expect((await pin()).refused).toHaveLength(1);
		expect(text()).toBe(before);
	});
});
