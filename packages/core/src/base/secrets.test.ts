import fc from "fast-check";
import { expect, test } from "vitest";
import { createMasker, isSecretName, maskDeep } from "./secrets.ts";

test.each(["API_KEY", "GITHUB_TOKEN", "OPENAI_APIKEY", "my_secret", "DB_PASSWD", "X_PRIVATE_ID", "api-key", "KEY"])(
	"%s is a secret's name",
	(name) => {
		expect(isSecretName(name)).toBe(true);
	},
);

test.each(["MAX_TOKENS", "TOKENIZER", "MONKEY", "PATH", "KEYBOARD_LAYOUT", ""])("%s is not", (name) => {
	expect(isSecretName(name)).toBe(false);
});

test("secrets are masked as they are, in JSON and in URLs; short values and other variables are not", () => {
	const mask = createMasker({ A_KEY: 'pa"ss/word', B_TOKEN: "short", HOME: "/home/somebody" });
	expect(mask('pa"ss/word short /home/somebody')).toBe("*** short /home/somebody");
	expect(mask(JSON.stringify({ a: 'pa"ss/word' }))).toBe('{"a":"***"}');
	expect(mask("https://x:pa%22ss%2Fword@host/")).toBe("https://x:***@host/");
});

test("secrets that overlap in the text go whole", () => {
	const mask = createMasker(["abcdefgh", "efghijkl", "abcdefghmore"]);
	expect(mask("<abcdefghijkl> <abcdefghmore>")).toBe("<***> <***>");
});

test("the lines of a private key are masked one by one too", () => {
	const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----";
	expect(createMasker({ DEPLOY_KEY: key })("line: 9w0BAQEFAASCBKcwggSj")).toBe("line: ***");
});

test("masking goes through whole values and leaves the untouched the same", () => {
	const mask = createMasker(["sesame-open"]);
	const value = { a: ["x sesame-open"], same: { n: 1 } };
	const masked = maskDeep(value, mask);
	expect(masked).toEqual({ a: ["x ***"], same: { n: 1 } });
	expect(masked.same).toBe(value.same);
});

test("no secret is left in any text", () => {
	const secret = fc.string({ minLength: 8, maxLength: 12, unit: fc.constantFrom("a", "b", "é", "\n", "%", '"') });
	fc.assert(
		fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), fc.array(fc.string()), (secrets, between) => {
			const text = secrets.map((one, index) => one + (between[index] ?? "")).join("");
			const masked = createMasker(secrets)(text);
			for (const one of secrets) expect(masked).not.toContain(one);
		}),
	);
});
