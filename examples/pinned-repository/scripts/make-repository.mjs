// Makes shop.bundle: a repository whose second commit has a bug and whose third fixes it. Reproducible.
// Usage: node make-repository.mjs [goal]; prints the commits.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const goal = resolve(process.argv[2] ?? join(import.meta.dirname, "../shop.bundle"));
const root = mkdtempSync(join(tmpdir(), "shop-"));
const who = { NAME: "Shop", EMAIL: "shop@example.com", DATE: "2026-01-01T00:00:00Z" };
const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
for (const role of ["AUTHOR", "COMMITTER"])
	for (const [key, value] of Object.entries(who)) env[`GIT_${role}_${key}`] = value;
const git = (...args) => execFileSync("git", args, { cwd: root, env, encoding: "utf8" }).trim();

const versions = [
	["first", "export const total = (items) => items.length;\n"],
	["add prices", "export const total = (items) => items.reduce((sum, item) => sum + item.price, 0);\n"],
	[
		"count quantities",
		"export const total = (items) => items.reduce((sum, item) => sum + item.price * item.quantity, 0);\n",
	],
];
try {
	git("init", "--quiet", "--initial-branch=main");
	mkdirSync(join(root, "src"));
	for (const [message, source] of versions) {
		writeFileSync(join(root, "src/total.mjs"), source);
		git("add", "--all");
		git("commit", "--quiet", "--message", message);
		console.log(git("rev-parse", "HEAD"), message);
	}
	git("-c", "pack.threads=1", "bundle", "create", "--quiet", goal, "main");
} finally {
	rmSync(root, { recursive: true });
}
