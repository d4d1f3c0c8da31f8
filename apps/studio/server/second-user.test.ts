import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { gitTestEnvironment, tempTree, writeTree } from "@agentv/test-support";
import { describe, expect, it, onTestFinished } from "vitest";
import { startStudio } from "./index.ts";

const otherUser = 65_534;
const run = promisify(execFile);

/** Sends requests from a process of `uid`. Returns the statuses and contents of the responses. */
async function fetchAs(
	uid: number | undefined,
	requests: readonly [string, RequestInit?][],
): Promise<[number, string][]> {
	const script = `const all = [];
for (const [url, options] of ${JSON.stringify(requests)}) {
	const answer = await fetch(url, { redirect: "manual", ...options });
	all.push([answer.status, JSON.stringify([...answer.headers]) + (await answer.text())]);
}
console.log(JSON.stringify(all));`;
	const options = { cwd: "/", env: {}, ...(uid === undefined ? {} : { uid, gid: uid }) };
	const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], options);
	return JSON.parse(stdout);
}

async function listening(host = "127.0.0.1") {
	const root = tempTree();
	writeTree(root, { "cwd/.keep": "", "home/.keep": "", "pages/index.html": '<meta content="__AGENTV_KEY__">' });
	const studio = await startStudio({
		...{ cwd: join(root, "cwd"), host, port: 0, exactPort: true, allowHosts: [], readOnly: false, version: "1.2.3" },
		pages: join(root, "pages"),
		env: { PATH: gitTestEnvironment.PATH, HOME: root, AGENTV_HOME: join(root, "home") },
	});
	onTestFinished(async () => void (await studio.close()));
	const link = new URL(studio.url);
	return { studio, at: link.origin, token: link.searchParams.get("token") ?? "" };
}

/** Only root can start a process as another user. */
const asRoot = describe.skipIf(process.getuid?.() !== 0 || process.platform !== "linux");

asRoot("another user of the same machine", () => {
	it("can't read or start anything", async () => {
		const { at, token } = await listening();
		const post = { method: "POST", body: "{}", headers: { "content-type": "application/json", origin: at } };
		const answers = await fetchAs(otherUser, [
			[at],
			[`${at}/here`, { headers: { accept: "text/html" } }],
			[`${at}/api/evals`],
			[`${at}/api/jobs/x/events`],
			[`${at}/api/bundles/x/archive`],
			[`${at}/api/benchmarks/sync`, post],
			[`${at}/api/benchmarks`, { ...post, body: '{"location":"/tmp"}' }],
		]);
		expect(answers.map(([status]) => status)).toEqual(answers.map(() => 401));
		expect(JSON.stringify(answers)).not.toContain(token);
		expect(JSON.stringify(answers)).not.toMatch(/set-cookie/i);
	});

	it.each(["127.0.0.1", "::1"])("can't use the link in the browser's arguments on %s", async (host) => {
		const { studio } = await listening(host);
		const link = studio.linkForOneUse();
		expect((await fetchAs(otherUser, [[link]])).map(([status]) => status)).toEqual([401]);
		// The attempt doesn't use up the link for the owner's slower browser.
		const answers = await fetchAs(undefined, [[link], [link]]);
		expect(answers.map(([status]) => status)).toEqual([303, 401]);
	});
});
