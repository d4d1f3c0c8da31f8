import { execFileSync } from "node:child_process";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerBash, answerFish, answerZsh } from "./complete.ts";
import { readShellLine } from "./shell-line.ts";

const breaks = " \t\n\"'><=;|&(:@";

/** Texts full of characters that a shell interprets. */
const texts = fc.array(fc.constantFrom(..."ab ~!'\"\\$`();&|<>*?[]{}#=:@é/-"), { minLength: 1, maxLength: 12 });

describe("answerBash", () => {
	it("quotes any word for bash, inside any open quote", () => {
		const words: string[] = [];
		const lines: string[] = [];
		fc.assert(
			fc.property(texts, fc.constantFrom("", "'", '"') as fc.Arbitrary<"" | "'" | '"'>, (letters, quote) => {
				const text = letters.join("");
				const [word = ""] = answerBash([{ text }], { words: [], quote, prefix: "", isHome: false }).split("\n");
				words.push(text);
				lines.push(`${quote}${word}${quote}`);
			}),
			law(500),
		);
		// A single shell reads all words, as arguments of printf.
		const said = execFileSync("bash", ["-c", `printf '%s\\0' ${lines.join(" ")}`], { encoding: "utf8" });
		expect(said.split("\0").slice(0, -1)).toEqual(words);
	});

	it("returns only what readline replaces, and ends a complete word with a space", () => {
		const line = readShellLine("agentv --rule=git.no-repo=o", breaks);
		expect(answerBash([{ text: "--rule=git.no-repo=off" }], line)).toBe("off \n");
		expect(answerBash([{ text: "a dir/", isOpen: true }], readShellLine("agentv a", breaks))).toBe("a\\ dir/\n");
		expect(answerBash([{ text: "~/a b" }], readShellLine("agentv ~/a", breaks))).toBe("~/a\\ b \n");
	});
});

describe("answerZsh and answerFish", () => {
	it("return unquoted words with their descriptions, and mark words that can be continued", () => {
		const candidates = [
			{ text: "a b", about: "one\n  two" },
			{ text: "dir/", isOpen: true },
		];
		expect(answerZsh(candidates, "")).toBe(" \ta b\tone two\n+\tdir/\t\n");
		expect(answerFish(candidates)).toBe("a b\tone two\ndir/\n");
		expect(answerZsh([{ text: "~/a/b c" }], "~/a/b")).toBe(" \tb c\t\n");
	});
});
