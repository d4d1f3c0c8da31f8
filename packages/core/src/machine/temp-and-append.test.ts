import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { withTempDir } from "./directories.ts";
import { removeTree } from "./files.ts";
import { openAppendFile } from "./write-file.ts";

test("a temporary directory is private and removed after the work, even if the work fails", async () => {
	const parent = join(tempTree(), "made");
	let seen = "";
	const work = withTempDir(
		"x-",
		(path) => {
			seen = path;
			expect(statSync(path).mode & 0o777).toBe(0o700);
			return Promise.reject(new Error("from the work"));
		},
		parent,
	);
	await expect(work).rejects.toThrow("from the work");
	expect(seen.startsWith(parent)).toBe(true);
	expect(existsSync(seen)).toBe(false);
});

test("removeTree removes read-only directories, follows no links and accepts a missing path", async () => {
	const root = tempTree({ "goal/dir/file": "", "other/file": "" });
	symlinkSync("../other", join(root, "goal/link"));
	chmodSync(join(root, "goal/dir"), 0o500);
	await removeTree(join(root, "goal"));
	expect(existsSync(join(root, "goal"))).toBe(false);
	expect(existsSync(join(root, "other/file"))).toBe(true);
	await removeTree(join(root, "goal"));
});

test("appended text is in the file immediately", () => {
	const root = tempTree({ log: "old\n" });
	const file = openAppendFile(join(root, "log"));
	file.append("one\n");
	file.append(Buffer.from("two\n"));
	expect(readFileSync(join(root, "log"), "utf8")).toBe("old\none\ntwo\n");
	file.sync();
	file.close();
	file.close();
	expect(() => file.append("x")).toThrow();
	expect(() => openAppendFile(join(root, "none/log"))).toThrow(expect.objectContaining({ code: "not-found" }));
});
