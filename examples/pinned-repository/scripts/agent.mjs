// A mock agent: searches git for the solution first, then fixes the bug itself.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const git = (...args) => execFileSync("git", args, { cwd: "shop", encoding: "utf8" });
console.log(`commits in reach: ${git("log", "--all", "--format=%s").trim().split("\n").join(", ")}`);
const file = "shop/src/total.mjs";
writeFileSync(file, readFileSync(file, "utf8").replace("item.price", "item.price * item.quantity"));
