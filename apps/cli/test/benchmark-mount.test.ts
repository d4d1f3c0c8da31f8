import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentvBin, gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";

/** Mounting needs a separate namespace, which some systems don't allow. */
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

it.skipIf(!canMount)("a mounted volume, which can't be replaced, is cloned, updated and repaired in place", () => {
	const root = tempTree({ "home/.keep": "" });
	const work = gitRepository(join(root, "work"), {
		"a.txt": "1\n",
		"dir/run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
	});
	work.pushTo(join(root, "bare"));
	mkdirSync(join(root, "volume"));
	const entry = (ref: string) =>
		`benchmarks: [{ id: b, path: ${root}/volume, source: { url: "file://${root}/bare", ref: ${ref} } }]\n`;
	writeFileSync(join(root, "home/benchmarks.yaml"), entry("main"));
	writeFileSync(join(root, "home/tagged.yaml"), entry("v1"));
	work.tag("v1");
	work.commit({ "a.txt": "2\n" });
	work.pushTo(join(root, "bare"));
	const sync = `"${process.execPath}" "${agentvBin()}" benchmark sync`;
	const script = `set -e
		mount -t tmpfs none volume
		${sync}
		ls -A volume; cat volume/a.txt; test -x volume/dir/run.sh; git -C volume status --porcelain
		${sync}
		rm -r volume/.git volume/*
		cp home/tagged.yaml home/benchmarks.yaml
		${sync}
		cat volume/a.txt; git -C volume status --porcelain; git -C volume fsck --no-dangling`;
	const env = {
		...gitTestEnvironment,
		HOME: root,
		AGENTV_HOME: join(root, "home"),
		GIT_CONFIG_COUNT: "1",
		GIT_CONFIG_KEY_0: "safe.directory",
		GIT_CONFIG_VALUE_0: "*",
	};
	const session = spawnSync("unshare", ["-rm", "sh", "-c", script], { cwd: root, env, encoding: "utf8" });
	const said = session.stdout.replace(/\b[0-9a-f]{12}\b/g, "<short>").split("\n");
	expect([session.status, said.filter((line) => line !== "")], session.stderr).toEqual([
		0,
		[
			"✓ b  synced: cloned main at <short>",
			".git",
			"a.txt",
			"dir",
			"2",
			"✓ b  current: already at <short>",
			"✓ b  synced: cloned v1 at <short>",
			"1",
		],
	]);
});
