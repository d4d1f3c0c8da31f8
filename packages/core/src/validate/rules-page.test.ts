import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ruleDoc, ruleDocs, rulesPage } from "./rules.ts";

const page = new URL("../../../../docs/validation-rules.md", import.meta.url);

describe("the docs of the rules", () => {
	it("are the page that is checked in (AGENTV_UPDATE_DOCS=1 writes it)", () => {
		if (process.env.AGENTV_UPDATE_DOCS) {
			mkdirSync(new URL(".", page), { recursive: true });
			writeFileSync(page, rulesPage());
		}
		expect(readFileSync(page, "utf8")).toBe(rulesPage());
	});

	it.each(ruleDocs().map(({ id }) => id))("explain %s: why, bad, good, how to fix", (id) => {
		const { why, bad, good, mend, summary } = ruleDoc(id);
		for (const text of [why, mend, summary]) expect(text.length).toBeGreaterThan(15);
		expect(bad).not.toBe(good);
	});

	it("are refused for a rule that there is not, with the nearest", () => {
		expect(() => ruleDoc("path.mising")).toThrow('no rule "path.mising"');
	});
});
