import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { readBytes, readTextFile } from "./read-file.ts";

test("returns text unchanged, with byte order mark and CRLF", () => {
	const root = tempTree({ "a.yaml": "\uFEFFname: é\r\n" });
	expect(readTextFile(join(root, "a.yaml"))).toBe("\uFEFFname: é\r\n");
});

test("follows a link", () => {
	const root = tempTree({ a: "text" });
	symlinkSync("a", join(root, "link"));
	expect(readTextFile(join(root, "link"))).toBe("text");
});

test("explains why a file can't be read, with its path", () => {
	const root = tempTree({ file: "x", latin: "" });
	const failing = (path: string) => expect(() => readTextFile(join(root, path)));
	failing("missing").toThrow(expect.objectContaining({ code: "not-found", message: `${root}/missing does not exist` }));
	failing("file/below").toThrow(expect.objectContaining({ code: "not-found" }));
	failing(".").toThrow(expect.objectContaining({ code: "config", message: `${root} is a directory, not a file` }));
	writeFileSync(join(root, "latin"), Buffer.from([0x66, 0xfc, 0x72]));
	failing("latin").toThrow(/is not UTF-8 text/);
	symlinkSync("loop", join(root, "loop"));
	failing("loop").toThrow(/is a cycle of symbolic links/);
	failing("x".repeat(300)).toThrow(/has a name that is too long/);
});

test("refuses devices and pipes immediately", () => {
	const root = tempTree();
	execFileSync("mkfifo", [join(root, "pipe")]);
	expect(() => readBytes(join(root, "pipe"))).toThrow(/is not a regular file/);
	expect(() => readBytes("/dev/zero")).toThrow(/is not a regular file/);
});

test("refuses a file over the limit before reading it", () => {
	const root = tempTree({ huge: "" });
	truncateSync(join(root, "huge"), 10_000_000_000);
	expect(() => readBytes(join(root, "huge"))).toThrow(/has 10000000000 bytes, more than the/);
	expect(() => readBytes(join(root, "huge"), { maxBytes: 5 })).toThrow(/more than the 5 allowed/);
});

test.skipIf(process.getuid?.() === 0)("reports denied permission", () => {
	const root = tempTree({ secret: "x" });
	chmodSync(join(root, "secret"), 0);
	expect(() => readTextFile(join(root, "secret"))).toThrow(/permission denied/);
});
