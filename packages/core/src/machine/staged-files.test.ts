import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import {
	besideName,
	formerName,
	isStagedName,
	makeTempDir,
	ownerTag,
	stagedState,
	sweepStaged,
	sweepStagedFiles,
} from "./directories.ts";
import { asDead } from "./testing/dead-owner.ts";
import { writeAtomic } from "./write-file.ts";

describe("a staged name", () => {
	test("identifies its owner, also for the longest names and any characters", () => {
		for (const name of ["run.json", "x".repeat(255), "字".repeat(85), "a\nb", "."]) {
			const path = besideName(join(tempTree(), "in", name));
			expect(isStagedName(path.slice(path.lastIndexOf("/") + 1))).toBe(true);
			expect(Buffer.byteLength(path.slice(path.lastIndexOf("/") + 1))).toBeLessThanOrEqual(255);
		}
	});

	test("is left over if its process has ended, or if another machine has not touched it for long", () => {
		const root = tempTree();
		const mine = besideName(join(root, "file"));
		const dead = asDead(mine);
		const elsewhere = mine.replace(ownerTag(), `0000${ownerTag().slice(4)}`);
		for (const path of [mine, dead, elsewhere]) writeFileSync(path, "");
		expect(stagedState(mine)).toEqual({ pid: process.pid });
		expect(stagedState(dead)).toBe("left");
		expect(stagedState(elsewhere)).toEqual({ pid: process.pid });
		const longAgo = new Date(Date.now() - 25 * 60 * 60_000);
		for (const path of [mine, elsewhere]) utimesSync(path, longAgo, longAgo);
		expect(stagedState(elsewhere)).toBe("left");
		expect(stagedState(mine)).toEqual({ pid: process.pid });
	});

	test("is left over after a reboot", () => {
		const root = tempTree();
		const [place = "", pid, start] = ownerTag().split("-");
		const boot = place.endsWith("0000") ? "1111" : "0000";
		const path = join(root, `.x.agentv-${place.slice(0, 8)}${boot}-${pid}-${start}-01234567.tmp`);
		writeFileSync(path, "");
		expect(stagedState(path)).toBe("left");
	});
});

describe("sweeping staged files", () => {
	test("removes those of dead processes, but keeps those of living ones, of the user and behind links", async () => {
		const root = tempTree({ "mine/keep.txt": "mine" });
		const left = [
			asDead(besideName(join(root, "run.json"))),
			asDead(besideName(join(root, "out"))),
			asDead(makeTempDir("agentv-run-")).replace(/^.*\//, `${root}/`),
		];
		const [file = "", ...directories] = left;
		writeFileSync(file, "half");
		for (const path of directories) mkdirSync(join(path, "deep/er"), { recursive: true });
		const link = asDead(besideName(join(root, "linked")));
		symlinkSync(join(root, "mine"), link);
		const others = [
			".run.json.4242.0123abcd.tmp",
			"notes.tmp",
			".agentv-clone-x",
			"agentv-run-abcdef",
			".x.agentv-1-2.tmp",
		];
		for (const name of others) writeFileSync(join(root, name), "mine");
		const living = besideName(join(root, "run.json"));
		writeFileSync(living, "half");
		await sweepStaged(root);
		const kept = [...others, "mine", living.slice(root.length + 1), link.slice(root.length + 1)];
		expect(readdirSync(root).sort()).toEqual(kept.sort());
		expect(existsSync(join(root, "mine/keep.txt"))).toBe(true);
	});

	test("happens at the next write to the directory", () => {
		const root = tempTree();
		const left = asDead(besideName(join(root, "a.json")));
		const other = join(tempTree(), "other.json");
		writeFileSync(left, "half");
		// The directory has just been swept.
		sweepStagedFiles(root);
		expect(existsSync(left)).toBe(false);
		writeFileSync(asDead(besideName(other)), "half");
		const fresh = tempTree({ ".a.json.agentv-x": "mine" });
		writeFileSync(join(fresh, left.slice(root.length + 1)), "half");
		writeAtomic(join(fresh, "a.json"), "whole");
		expect(readdirSync(fresh).sort()).toEqual([".a.json.agentv-x", "a.json"]);
	});

	test("restores a directory that was moved away and not replaced", async () => {
		const root = tempTree({ "two/new.txt": "" });
		const hidden = asDead(formerName(join(root, ".git")));
		mkdirSync(hidden);
		for (const name of ["one", "two"]) {
			const replaced = asDead(formerName(join(root, name)));
			mkdirSync(replaced);
			writeFileSync(join(replaced, "old.txt"), "");
		}
		await sweepStaged(root);
		const visible = ["one", "one/old.txt", "two", "two/new.txt"];
		expect(readdirSync(root, { recursive: true }).sort()).toEqual([hidden.slice(root.length + 1), ...visible]);
	});

	test("ends the processes that a dead process left running in its directory", async () => {
		const root = tempTree();
		const left = asDead(besideName(join(root, "clone")));
		mkdirSync(left);
		const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", left], { stdio: "ignore" });
		await waitUntil(() => child.pid !== undefined && isAlive(child.pid));
		await sweepStaged(root);
		await waitUntil(() => child.exitCode !== null || child.signalCode !== null);
		expect(readdirSync(root)).toEqual([]);
	});
});
