import { spawn } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";

const entrypoint = resolve(import.meta.dirname, "../../../examples/docker/entrypoint.sh");

/**
 * Runs the entrypoint with a stub of `agentv` that records its calls and whose sync exits with
 * `syncExit`.
 */
async function start(syncExit: number, env: Record<string, string>, ...args: string[]) {
	const stub = `#!/bin/sh\nfor word; do printf '[%s]' "$word"; done >> calls; echo >> calls\n[ "$1" = benchmark ] && exit ${syncExit}\nexit 0\n`;
	const root = tempTree({ agentv: stub });
	chmodSync(join(root, "agentv"), 0o755);
	const child = spawn("sh", [entrypoint, ...args], {
		cwd: root,
		env: { PATH: "/usr/bin:/bin", AGENTV: "./agentv", ...env },
	});
	let said = "";
	child.stderr.on("data", (chunk) => {
		said += chunk;
	});
	const exitCode = await new Promise<number | null>((done) => child.on("close", done));
	return { exitCode, said, calls: readFileSync(join(root, "calls"), "utf8").trim().split("\n") };
}

it("syncs, then starts Studio on all interfaces with the given token, names and arguments", async () => {
	const env = { AGENTV_STUDIO_TOKEN: "a token", AGENTV_ALLOW_HOST: "one.example *", AGENTV_STUDIO_PORT: "8080" };
	expect(await start(0, env, "--read-only")).toEqual({
		exitCode: 0,
		said: "",
		calls: [
			"[benchmark][sync]",
			"[studio][--host][0.0.0.0][--port][8080][--no-open][--allow-host][*][--allow-host][one.example][--read-only]",
		],
	});
});

it("starts Studio with a warning if a sync fails", async () => {
	const { calls, said } = await start(1, {});
	expect(calls.at(-1)).toBe("[studio][--host][0.0.0.0][--port][3117][--no-open]");
	expect(said).toContain("could not be synced");
});

it("doesn't start Studio if the sync is interrupted", async () => {
	expect(await start(130, {})).toMatchObject({ exitCode: 130, calls: ["[benchmark][sync]"] });
});
