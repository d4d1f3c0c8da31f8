import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ruleDocs } from "@agentv/core";
import { describe, expect, it } from "vitest";
import { documentFixtures } from "./rules/document.ts";
import { authoringFixtures, extensionFixtures } from "./rules/extensions-and-authoring.ts";
import { pathFixtures } from "./rules/paths.ts";
import { provenanceFixtures } from "./rules/provenance.ts";
import { fixtureTree } from "./rules/rule-fixture.ts";
import { targetFixtures, variableFixtures } from "./rules/targets-and-variables.ts";
import { assertionFixtures, testFixtures } from "./rules/tests-and-assertions.ts";

const fixtures = [
	...[...documentFixtures, ...pathFixtures, ...targetFixtures, ...variableFixtures, ...provenanceFixtures],
	...[...testFixtures, ...assertionFixtures, ...extensionFixtures, ...authoringFixtures],
];
const rules = new Map(ruleDocs().map((doc) => [doc.id, doc]));

it("every rule has a tree with a problem and one without", () => {
	expect(new Set(fixtures.map(({ rule }) => rule))).toEqual(new Set(rules.keys()));
	expect(new Set(fixtures.filter(({ good }) => good).map(({ rule }) => rule))).toEqual(new Set(rules.keys()));
});

it("a self-contained eval has no problems", async () => {
	expect(await fixtureTree({}, {}).validate("--strict")).toEqual({ exitCode: 0, found: [] });
});

describe.each(fixtures)("$rule: $found", ({ rule, bad, good, found, hint, fixed, later, bare }) => {
	const isError = found.split(" ")[1] === "error";
	const doc = rules.get(rule);

	it("is reported at its location and sets the exit code", async () => {
		const tree = fixtureTree(bad, { ...(later ? { later } : {}), ...(bare ? { bare } : {}) });
		const judged = await tree.validate();
		const own = judged.found.filter((one) => one.rule === rule);
		expect(own.map(({ text }) => text)).toEqual([found]);
		expect(own.map((one) => one.hint !== null)).toEqual([hint ?? true]);
		if (fixed !== false) expect(own.map(({ fixable }) => fixable)).toEqual([doc?.fixedBy !== undefined]);
		expect(judged.exitCode).toBe(isError ? 1 : 0);
		expect((await tree.validate("--strict")).exitCode).toBe(1);
		expect((await tree.validate("--rule", `${rule}=off`)).found.filter((one) => one.rule === rule)).toEqual([]);
	});

	if (good !== undefined)
		it("is not reported for the correct tree", async () => {
			const judged = await fixtureTree(good ?? {}, {}).validate();
			expect(judged.found.filter((one) => one.rule === rule)).toEqual([]);
			expect(judged.found.filter(({ text }) => text.includes(" error "))).toEqual([]);
			expect(judged.exitCode).toBe(0);
		});
});

const fixable = fixtures.filter(({ rule }) => ["fix", "migrate"].includes(rules.get(rule)?.fixedBy ?? ""));

describe.each(fixable)("the fix option of $rule: $found", ({ rule, bad, fixed }) => {
	const option = `--${rules.get(rule)?.fixedBy}`;

	if (fixed !== false)
		it("fixes only this problem", async () => {
			const tree = fixtureTree(bad, {});
			const judged = await tree.validate(option);
			expect(judged.found.filter((one) => one.rule === rule).map(({ fixed }) => fixed)).toEqual([true]);
			expect(judged.exitCode).toBe(0);
			expect((await tree.validate()).found.filter((one) => one.rule === rule)).toEqual([]);
			for (const [file, text] of Object.entries(fixed || {}))
				expect(readFileSync(join(tree.root, file), "utf8"), file).toBe(text);
		});

	if (fixed === false)
		it("changes nothing", async () => {
			const tree = fixtureTree(bad, {});
			const judged = await tree.validate(option);
			expect(judged.found.filter((one) => one.rule === rule).map(({ fixed }) => fixed)).toEqual([false]);
			for (const [file, text] of Object.entries(bad)) expect(readFileSync(join(tree.root, file), "utf8")).toBe(text);
		});
});
