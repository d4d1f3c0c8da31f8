import { execFileSync } from "node:child_process";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerBash, answerFish, answerZsh } from "./complete.ts";
import { readShellLine } from "./shell-line.ts";

const breaks = " \t\n\"'><=;|&(:@";

/** Texts full of what a shell reads otherwise. */
const texts = fc.array(fc.constantFrom(..."ab ~!'\"\\$`();&|<>*?[]{}#=:@é/-"), { minLength: 1, maxLength: 12 });

describe("what bash is answered", () => {
	it("is read by bash as the same word, for any characters and any open quote", () => {
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
		// One shell reads them all: each is an argument of printf.
		const said = execFileSync("bash", ["-c", `printf '%s\\0' ${lines.join(" ")}`], { encoding: "utf8" });
		expect(said.split("\0").slice(0, -1)).toEqual(words);
	});

	it("takes the place of what readline replaces only, and ends a finished word", () => {
		const line = readShellLine("agentv --rule=git.no-repo=o", breaks);
		expect(answerBash([{ text: "--rule=git.no-repo=off" }], line)).toBe("off \n");
		expect(answerBash([{ text: "a dir/", isOpen: true }], readShellLine("agentv a", breaks))).toBe("a\\ dir/\n");
		expect(answerBash([{ text: "~/a b" }], readShellLine("agentv ~/a", breaks))).toBe("~/a\\ b \n");
	});
});

describe("what zsh and fish are answered", () => {
	it("are the words as they are, what they are, and whether they go on", () => {
		const candidates = [
			{ text: "a b", about: "one\n  two" },
			{ text: "dir/", isOpen: true },
		];
		expect(answerZsh(candidates, "")).toBe(" \ta b\tone two\n+\tdir/\t\n");
		expect(answerFish(candidates)).toBe("a b\tone two\ndir/\n");
		expect(answerZsh([{ text: "~/a/b c" }], "~/a/b")).toBe(" \tb c\t\n");
	});
});
