import { terminalSafeLine } from "@agentv/core";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { expect, test } from "vitest";
import { markdownText } from "./export.ts";

/** Returns the text that a reader of the rendered Markdown sees. */
function seen(markdown: string): string {
	const html = micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
	const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&" };
	return html
		.replace(/^<p>([\s\S]*)<\/p>$/, "$1")
		.replace(/&(\w+);/g, (_, name: string) => entities[name] ?? `&${name};`);
}

test.each([
	"plain words, and a sentence.",
	"**bold** _it_ `code` ~~gone~~ | cell | # head",
	"<script>alert(1)</script> &lt; &#60; <!-- -->",
	"[link](https://example.com) ![image](x) https://example.com www.example.com me@example.com",
	"@user #12 $x^2$ :tada: - [ ] task",
])("%s is rendered literally", (text) => {
	expect(seen(`- ${markdownText(text)}`)).toBe(`<ul>\n<li>${text}</li>\n</ul>`);
});

test("any text is rendered literally, on one line and without control characters", () => {
	const pieces = fc.oneof(
		fc.string({ unit: "binary" }),
		fc
			.array(
				fc.constantFrom(...["*", "_", "`", "[", "](", ")", "<", ">", "\n", "|", "&", "http://a.b", "www.a.b", " "]),
			)
			.map((parts) => parts.join("")),
	);
	fc.assert(
		fc.property(pieces, (text) => {
			const line = terminalSafeLine(text.replace(/\s+/g, " ").trim());
			expect(seen(`x${markdownText(text)}x`)).toBe(`x${line}x`);
		}),
		law(3000),
	);
});

test("long text is truncated", () => {
	expect(markdownText("a".repeat(400))).toBe(`${"a".repeat(300)}…`);
	expect(markdownText("😀".repeat(4), 5)).toBe("😀😀…");
});
