import { describe, expect, test } from "vitest";
import { expandRepoShorthand, parseGitUrl, repositoryName, sameRepository } from "./git-url.ts";

describe("parseGitUrl", () => {
	test.each([
		["https://GitHub.com/acme/app.git", { kind: "https", host: "github.com", owner: "acme", name: "app" }],
		[
			"https://ada:pw@host:8443/g/sub/app/",
			{ kind: "https", port: "8443", owner: "g/sub", name: "app", userPart: "ada:pw", hasPassword: true },
		],
		["https://p@ss:w@host/a/b", { kind: "https", host: "host", userPart: "p@ss:w" }],
		["ssh://git@host/acme/app", { kind: "ssh", userPart: "git", hasPassword: false, owner: "acme", name: "app" }],
		["git@github.com:acme/app.git", { kind: "scp", host: "github.com", owner: "acme", name: "app" }],
		["git@[::1]:app", { kind: "scp", host: "[::1]", name: "app" }],
		["git://host/app", { kind: "git", name: "app" }],
		["file:///srv/app.git", { kind: "file", path: "/srv/app.git", name: "app" }],
		["../repos/app", { kind: "path", name: "app" }],
		["/srv/app/.git", { kind: "path", name: "app" }],
		["C:\\repos\\app", { kind: "path", name: "app" }],
		["./a:b", { kind: "path" }],
		["ext::sh -c id", { kind: "other" }],
		["ftp://host/app", { kind: "other" }],
	])("parses %s", (text, expected) => {
		expect(parseGitUrl(text)).toMatchObject(expected);
	});
});

test.each([
	["https://github.com/acme/App.git", "app"],
	["git@host:acme/My Evals.git", "my-evals"],
	["../_private", "private"],
	["/", undefined],
])("derives the id of %s as %s", (url, expected) => {
	expect(repositoryName(url)).toBe(expected);
});

test.each([
	["acme/app", "https://github.com/acme/app.git"],
	["acme/app.git", "https://github.com/acme/app.git"],
	["./app", undefined],
	["acme/..", undefined],
	["a/b/c", undefined],
	["git@host:acme/app", undefined],
])("expands the shorthand %s to %s", (text, expected) => {
	expect(expandRepoShorthand(text)).toBe(expected);
});

test.each([
	["https://GitHub.com/acme/app.git", "https://github.com:443/acme/app/", true],
	["git@host:acme/app.git", "ssh://git@host:22/acme/app", true],
	["host:~/app", "ssh://host/~/app", true],
	["https://u:p@host/a/b", "https://host/a/b", true],
	["file:///srv/app/", "/srv/app", true],
	["/srv/app/.git", "/srv/app", true],
	["/srv/app.git", "/srv/app", false],
	["https://host/a/b", "https://host/a/c", false],
	["https://host/a/b", "git@host:a/b", false],
	["https://host/a/b", "https://host:8443/a/b", false],
])("sameRepository(%s, %s) returns %s", (a, b, expected) => {
	expect(sameRepository(a, b)).toBe(expected);
	expect(sameRepository(b, a)).toBe(expected);
});
