import { law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { safeOutput } from "./terminal.ts";

function written(chunks: readonly string[]): string {
	let all = "";
	const write = (text: string) => {
		all += text;
	};
	const output = safeOutput({ write, isTTY: false, columns: 80, color: false }, (text) => text);
	for (const chunk of chunks) output.write(chunk);
	return all;
}

const commands = /^\s*::|##[a-z]*\[/im;

test.each([
	[["::error x::boom"]],
	[["::error ", "x::boom"]],
	[[":", ":error::x"]],
	[["  ", ":", "", ":error::x"]],
	[["a\n:", ":stop-commands::x"]],
	[["a #", "#", "vso", "[task]x"]],
	[["##[error]x"]],
] as const)("%j is written without workflow commands", (chunks) => {
	expect(written(chunks)).not.toMatch(commands);
});

test("harmless text is unchanged", () => {
	const chunks = ["a::b ", "::c\n", " : d\n## e [f] #[x]\n", "std::string", "\n"];
	expect(written(chunks)).toBe(chunks.join(""));
});

test("any text is made harmless, regardless of how it is split into chunks", () => {
	const piece = fc.constantFrom(":", "::", "#", "##", "[", "error", "vso", " ", "\t", "\n", "x", "]", "é");
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 40 }), fc.infiniteStream(fc.nat(6)), (pieces, sizes) => {
			const text = pieces.join("");
			const chunks: string[] = [];
			for (let at = 0; at < text.length; ) {
				const size = sizes.next().value;
				chunks.push(text.slice(at, at + size));
				at += size;
			}
			const all = written(chunks);
			expect(all).not.toMatch(commands);
			expect(all).toBe(written([text]));
			expect(all.replaceAll("\\u003a", ":").replaceAll("\\u005b", "[")).toBe(text);
		}),
		law(2000),
	);
});
