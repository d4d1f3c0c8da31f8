import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ruleDoc, ruleDocs, rulesPage } from "./rules.ts";

const page = new URL("../../../../docs/validation-rules.md", import.meta.url);

describe("the docs of the rules", () => {
	it("match the checked-in page (AGENTV_UPDATE_DOCS=1 updates it)", () => {
		if (process.env.AGENTV_UPDATE_DOCS) {
			mkdirSync(new URL(".", page), { recursive: true });
			writeFileSync(page, rulesPage());
		}
		expect(readFileSync(page, "utf8")).toBe(rulesPage());
	});

	it.each(ruleDocs().map(({ id }) => id))("explain %s: why, bad, good and how to fix", (id) => {
		const { why, bad, good, mend, summary } = ruleDoc(id);
		for (const text of [why, mend, summary]) expect(text.length).toBeGreaterThan(15);
		expect(bad).not.toBe(good);
	});

	it("suggest the nearest rule for an unknown one", () => {
		expect(() => ruleDoc("path.mising")).toThrow('no rule "path.mising"');
	});
});
