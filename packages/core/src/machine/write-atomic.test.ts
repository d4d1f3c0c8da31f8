import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { writeAtomic } from "./write-file.ts";

test("replaces the content, keeps the mode and leaves no other files behind", () => {
	const root = tempTree({ "run.sh": "old" });
	chmodSync(join(root, "run.sh"), 0o750);
	writeAtomic(join(root, "run.sh"), "new", { mode: 0o600 });
	expect(readFileSync(join(root, "run.sh"), "utf8")).toBe("new");
	expect(statSync(join(root, "run.sh")).mode & 0o777).toBe(0o750);
	expect(readdirSync(root)).toEqual(["run.sh"]);
});

test("creates a new file with the requested mode", () => {
	const root = tempTree();
	writeAtomic(join(root, "registry.yaml"), "x", { mode: 0o600 });
	expect(statSync(join(root, "registry.yaml")).mode & 0o777).toBe(0o600);
	writeAtomic(join(root, "plain"), Buffer.from([0, 255]));
	expect(readFileSync(join(root, "plain"))).toEqual(Buffer.from([0, 255]));
});

test("writes through links, including chains and dangling links", () => {
	const root = tempTree({ "real/file": "old" });
	symlinkSync("real", join(root, "dir"));
	symlinkSync("dir/file", join(root, "link"));
	symlinkSync("link", join(root, "chain"));
	writeAtomic(join(root, "chain"), "new");
	expect(readFileSync(join(root, "real/file"), "utf8")).toBe("new");
	expect(lstatSync(join(root, "chain")).isSymbolicLink()).toBe(true);
	symlinkSync("real/later", join(root, "dangling"));
	writeAtomic(join(root, "dangling"), "born");
	expect(readFileSync(join(root, "real/later"), "utf8")).toBe("born");
	expect(readdirSync(join(root, "real")).sort()).toEqual(["file", "later"]);
});

test("leaves no files behind on failure and reports the path", () => {
	const root = tempTree();
	mkdirSync(join(root, "dir"));
	expect(() => writeAtomic(join(root, "dir"), "x")).toThrow(/dir is a directory, not a file/);
	expect(() => writeAtomic(join(root, "none/file"), "x")).toThrow(expect.objectContaining({ code: "not-found" }));
	expect(readdirSync(root)).toEqual(["dir"]);
});

test.skipIf(process.getuid?.() === 0)("does not replace a read-only file", () => {
	const root = tempTree({ "mine.yaml": "old" });
	chmodSync(join(root, "mine.yaml"), 0o444);
	expect(() => writeAtomic(join(root, "mine.yaml"), "new")).toThrow(/permission denied/);
	expect(readFileSync(join(root, "mine.yaml"), "utf8")).toBe("old");
	expect(readdirSync(root)).toEqual(["mine.yaml"]);
});

test("refuses a link to a device, or replaces the link itself", () => {
	const root = tempTree();
	const link = join(root, "link");
	symlinkSync("/dev/null", link);
	expect(() => writeAtomic(link, "text")).toThrow(/not a regular file/);
	expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
	writeAtomic(link, "text", { noFollow: true });
	expect(readFileSync(link, "utf8")).toBe("text");
	expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});
