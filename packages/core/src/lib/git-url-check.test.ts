import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGitRef, checkGitUrl, redactUrl, splitCredentials } from "./git-url.ts";
import { redactText } from "./redact.ts";

describe("checkGitUrl", () => {
	test.each([
		["https://github.com/acme/app.git", undefined],
		["git@github.com:acme/app.git", undefined],
		["../local path", undefined],
		["https://ada@host/app", undefined],
		["", "empty"],
		["--upload-pack=touch x", "dash"],
		["https://host/a\nb", "control"],
		["https://host/\0", "control"],
		["ext::sh -c id", "transport"],
		["ftp://host/app", "transport"],
		["ssh://-oProxyCommand=id/x", "host"],
		["https:///x", "host"],
		["https://ada:hunter2@host/app", "password"],
		["https://ghp_0123456789abcdef@github.com/acme/app", "password"],
		["ssh://ada:hunter2@host/app", "password"],
	])("reports for %j the reason %s", (url, reason) => {
		const refusal = checkGitUrl(url);
		expect(refusal?.reason).toBe(reason);
		if (url !== "") expect(refusal?.message ?? "").not.toContain(url);
	});

	test.each([
		["https://x-access-token:${{ TOKEN }}@host/app", undefined],
		["https://${{ USER }}:${{ TOKEN }}@host/app", undefined],
		["${{ URL }}", undefined],
		["https://ada:hunter2@${{ HOST }}/app", "password"],
		["https://ada:${{ TOKEN:-hunter2 }}@host/app", "password"],
	])("reports for a URL written as %s the reason %s", (written, reason) => {
		expect(checkGitUrl("https://ada:hunter2@host/app", written)?.reason).toBe(reason);
	});
});

test.each([
	["main", undefined],
	["feature/x-1", undefined],
	["v1.2.3", undefined],
	["0123456789abcdef0123456789abcdef01234567", undefined],
	["", "empty"],
	["--force", "dash"],
	["a\nb", "control"],
	["main:refs/heads/x", "syntax"],
	["a b", "syntax"],
	["a..b", "syntax"],
	["HEAD^", "syntax"],
	["x.lock", "syntax"],
])("checkGitRef reports for %j the reason %s", (ref, reason) => {
	expect(checkGitRef(ref)?.reason).toBe(reason);
});

describe("credentials in URLs", () => {
	test.each([
		["https://x:to%2Fken@host/app", { url: "https://host/app", credentials: { username: "x", password: "to/ken" } }],
		["https://x:100%@host/app", { url: "https://host/app", credentials: { username: "x", password: "100%" } }],
		[
			"https://ghp_0123456789@host/app",
			{ url: "https://host/app", credentials: { username: "ghp_0123456789", password: "" } },
		],
		["https://ada@host/app", { url: "https://ada@host/app" }],
		["git@host:app", { url: "git@host:app" }],
	])("are split from %s", (url, expected) => {
		expect(splitCredentials(url)).toEqual(expected);
	});

	test("include a user part that comes from a variable", () => {
		expect(splitCredentials("https://abc@host/app", "https://${{ T }}@host/app").url).toBe("https://host/app");
		expect(splitCredentials("https://ada@host/app", "https://ada@${{ HOST }}/app").url).toBe("https://ada@host/app");
	});

	test("are redacted in URLs and text", () => {
		expect(redactUrl("https://ada:p$&w@host/app")).toBe("https://host/app");
		expect(redactUrl("git@host:app")).toBe("git@host:app");
		expect(redactUrl("https://host/app.git?private_token=abc&depth=1#abc")).toBe(
			"https://host/app.git?private_token=***&depth=1#***",
		);
		expect(redactText("fatal: 'https://a:b@c@host/x' and ssh://git@h/y")).toBe(
			"fatal: 'https://a:***@host/x' and ssh://git@h/y",
		);
		expect(redactText("Authorization: Basic YWJj")).toBe("Authorization: Basic ***");
		expect(redactText("see https://host/a mail me@host")).toBe("see https://host/a mail me@host");
	});

	test("are redacted in any URL", () => {
		const secret = fc.string({ minLength: 12, unit: fc.constantFrom(..."abcXYZ019@:%$&?#'!._~-") });
		fc.assert(
			fc.property(secret, (password) => {
				fc.pre(!/[?#]/.test(password));
				const url = `https://user:${password}@example.org/acme/app.git`;
				expect(redactUrl(url)).toBe("https://example.org/acme/app.git");
				expect(redactText(`x ${url} y`)).toBe("x https://user:***@example.org/acme/app.git y");
				expect(splitCredentials(url).url).toBe("https://example.org/acme/app.git");
			}),
		);
	});
});
