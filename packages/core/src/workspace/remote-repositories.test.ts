import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { bareRepository, gitHttpServer, gitRepository, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

test("a credential from a variable is sent to the server and stored nowhere", async () => {
	const directory = tempTree();
	const repository = gitRepository(join(tempTree(), "app"), { a: "1" });
	const sha = repository.git("rev-parse", "HEAD");
	repository.commit({ later: "1" });
	repository.pushTo(bareRepository(join(directory, "app.git")));
	const server = await gitHttpServer(directory, { login: { username: "me", password: "t0ken-abc" } });
	const url = `${server.url.replace("//", "//me:t0ken-abc@")}/app.git`;
	const { spec, services } = workspaceFixture(`workspace: { repos: [{ path: app, repo: "${url}", commit: ${sha} }] }`);
	const base = await prepareWorkspaceBase(spec, services);
	expect(base.repositories).toEqual([{ path: "app", repo: `${server.url}/app.git`, requested: sha, sha }]);
	const workspace = await base.open(aTest("t"));
	const places = [services.agentvHome, services.directory];
	const found = places.map((place) => execFileSync("sh", ["-c", 'grep -rl t0ken-abc "$1" || true', "sh", place]));
	expect(found.map(String)).toEqual(["", ""]);
	await workspace.close({ keep: false });
	await base.close();
});

test("a refused login and an unreachable server are reported without the password", async () => {
	const directory = tempTree();
	gitRepository(join(tempTree(), "app"), { a: "1" }).pushTo(bareRepository(join(directory, "app.git")));
	const server = await gitHttpServer(directory, { login: { username: "me", password: "right" } });
	for (const url of [
		`${server.url.replace("//", "//me:wr0ng-pass@")}/app.git`,
		"http://me:wr0ng-pass@127.0.0.1:9/x.git",
	]) {
		const { spec, services } = workspaceFixture(`workspace: { repos: [{ path: app, repo: "${url}" }] }`);
		const error = await prepareWorkspaceBase(spec, services).catch((thrown: Error) => thrown);
		expect(error).toMatchObject({ stage: "repositories", reason: "git" });
		expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("wr0ng-pass");
	}
});

test("Ctrl-C ends waiting for a server that never responds", async () => {
	const server = await gitHttpServer(tempTree(), { stall: true });
	const { spec, services, abort } = workspaceFixture(
		`workspace: { repos: [{ path: app, repo: "${server.url}/app.git" }] }`,
	);
	setTimeout(() => abort.abort(), 300);
	await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({ code: "interrupted" });
});
