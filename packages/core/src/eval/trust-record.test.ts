import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addTrust, readTrust, removeTrust } from "./run-digest.ts";

const home = () => ({ AGENTV_HOME: join(tempTree(), "home") });
const file = (env: { AGENTV_HOME: string }) => join(env.AGENTV_HOME, "state/trust.json");
const key = { kind: "variable", value: "OPENAI_API_KEY" };

describe("the trust record", () => {
	test("applies to one subject, kind and value only, until it is revoked", async () => {
		const env = home();
		expect(readTrust(env).has("a", key)).toBe(false);
		await removeTrust("a", env);
		await addTrust("a", [key], env);
		await addTrust("b", [{ kind: "host", value: "example.org" }], env);
		const record = readTrust(env);
		expect(record.has("a", key)).toBe(true);
		expect(record.has("b", key)).toBe(false);
		expect(record.has("a", { ...key, kind: "host" })).toBe(false);
		expect(record.has("a", { ...key, value: "OPENAI_API_KEY2" })).toBe(false);
		await removeTrust("a", env);
		expect(readTrust(env).has("a", key)).toBe(false);
		expect(readTrust(env).has("b", { kind: "host", value: "example.org" })).toBe(true);
	});

	test("is private, contains no name in plain text, and leaves no other files behind", async () => {
		const env = home();
		await addTrust(
			"benchmark https://example.org/evals.git",
			[key, { kind: "file", value: "/home/me/.ssh/id_rsa" }],
			env,
		);
		expect(statSync(file(env)).mode & 0o777).toBe(0o600);
		expect(statSync(join(env.AGENTV_HOME, "state")).mode & 0o777).toBe(0o700);
		const text = readFileSync(file(env), "utf8");
		for (const word of ["OPENAI", "id_rsa", "example.org", "/home"]) expect(text).not.toContain(word);
		expect(readdirSync(join(env.AGENTV_HOME, "state"))).toEqual(["trust.json"]);
	});

	test("keeps all entries that many processes write concurrently", async () => {
		const env = home();
		const items = Array.from({ length: 30 }, (_, index) => ({ kind: "host", value: `h${index}` }));
		await Promise.all(items.map((item, index) => addTrust(index % 2 ? "a" : "b", [item], env)));
		const record = readTrust(env);
		for (const [index, item] of items.entries()) expect(record.has(index % 2 ? "a" : "b", item)).toBe(true);
	});

	test("keeps unknown kinds and fields", async () => {
		const env = home();
		await addTrust("a", [key], env);
		const written = JSON.parse(readFileSync(file(env), "utf8"));
		const [[subject, entries]] = Object.entries(written.trusted) as [[string, object[]]];
		entries.push({ kind: "program", sha256: "0".repeat(64), since: "2030" });
		writeFileSync(file(env), JSON.stringify({ ...written, later: 1 }));
		await addTrust("a", [{ kind: "host", value: "x" }], env);
		const after = JSON.parse(readFileSync(file(env), "utf8"));
		expect(after).toMatchObject({ later: 1, version: 1 });
		expect(after.trusted[subject]).toContainEqual({ kind: "program", sha256: "0".repeat(64), since: "2030" });
		expect(after.trusted[subject]).toHaveLength(3);
	});

	test.each([
		["", "empty"],
		["{", "half"],
		["[]", "a list"],
		['{"version": 2, "trusted": {}}', "a later version"],
		['{"version": 1, "trusted": {"a": [{"kind": "variable"}]}}', "an entry without its digest"],
		["\u0000\u0001", "no text"],
	])("is neither trusted nor overwritten if it is unreadable: %j", async (text) => {
		const env = home();
		await addTrust("a", [key], env);
		writeFileSync(file(env), text);
		expect(() => readTrust(env)).toThrow(/trust\.json/);
		await expect(addTrust("a", [key], env)).rejects.toThrow(/trust\.json/);
		await expect(removeTrust("a", env)).rejects.toThrow(/trust\.json/);
		expect(readFileSync(file(env), "utf8")).toBe(text);
	});

	test("distinguishes any two names", async () => {
		const env = home();
		const item = fc.record({ kind: fc.string(), value: fc.string() });
		await fc.assert(
			fc.asyncProperty(fc.string(), fc.string(), item, item, async (one, other, first, second) => {
				await addTrust(one, [first], env);
				expect(readTrust(env).has(one, first)).toBe(true);
				await removeTrust(one, env);
				expect(readTrust(env).has(one, first)).toBe(false);
				await addTrust(other, [second], env);
				const isSame = one === other && first.kind === second.kind && first.value === second.value;
				expect(readTrust(env).has(one, first)).toBe(isSame);
				await removeTrust(other, env);
			}),
			law(500),
		);
	});
});
