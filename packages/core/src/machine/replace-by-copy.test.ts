import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { replaceByCopy } from "./write-file.ts";

test("replaces a link and never writes through one, not even at a predictable temporary name", () => {
	const root = tempTree({ "from.txt": "new", "outside.txt": "kept" });
	for (const name of ["to.txt", `to.txt.agentv-${process.pid}`])
		symlinkSync(join(root, "outside.txt"), join(root, name));
	replaceByCopy(join(root, "from.txt"), join(root, "to.txt"), 0o644);
	expect(readFileSync(join(root, "to.txt"), "utf8")).toBe("new");
	expect(readFileSync(join(root, "outside.txt"), "utf8")).toBe("kept");
});

test("leaves no files behind if it fails", () => {
	const root = tempTree({ "from.txt": "new", "to/kept.txt": "kept" });
	expect(() => replaceByCopy(join(root, "from.txt"), join(root, "to"), 0o644)).toThrow();
	expect(readdirSync(root).sort()).toEqual(["from.txt", "to"]);
});
