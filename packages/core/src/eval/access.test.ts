import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { openDiskView } from "./source.ts";
import { planTrust } from "./trust.ts";

/** Returns the hosts that an eval contacts if its target has these `settings` (YAML). */
function hostsOf(settings: string, files: Readonly<Record<string, string>> = {}): string[] {
	const root = tempTree({
		"e.eval.yaml": "tests: [{id: a, input: hi, criteria: greets}]\n",
		"targets.yaml": `targets:\n  - { name: default, ${settings} }\n`,
		...files,
	});
	const subject = { kind: "bundle", name: "b", root, key: "b" } as const;
	const { access } = planTrust(subject, [join(root, "e.eval.yaml")], { env: {}, cwd: root, view: openDiskView() });
	return [...new Set(access.flatMap(({ kind, value }) => (kind === "host" ? [value] : [])))].sort();
}

const model = (url: string) => `provider: openai, model: m, base_url: ${JSON.stringify(url)}`;

test.each([
	["http://good.example@evil.example/v1", "evil.example"],
	["http://good.example:80@evil.example:8080/v1", "evil.example:8080"],
	["http:\\\\evil.example\\v1", "evil.example"],
	["http:evil.example/v1", "evil.example"],
	["HTTPS://EVIL.Example/v1", "evil.example"],
	["http://2130706433/v1", "127.0.0.1"],
	["http://0x7f.1/v1", "127.0.0.1"],
	["http://[::1]:8080/v1", "[::1]:8080"],
	["http://b\u00fccher.example/v1", "xn--bcher-kva.example"],
	["http://evil.example./v1", "evil.example."],
	["ht\ttp://ev\til.example/v1", "evil.example"],
])("lists the host of %j as %s", (url, host) => {
	expect(hostsOf(model(url))).toContain(host);
});

test.each([
	["an argument of an agent", "provider: cli, command: [agent, --server, 'http://a.example:8080/x']", "a.example:8080"],
	[
		"a proxy in its environment",
		"provider: cli, command: agent, env: {https_proxy: 'b.example:3128'}",
		"b.example:3128",
	],
	[
		"a proxy of another scheme",
		"provider: cli, command: agent, env: {ALL_PROXY: 'socks5h://c.example:1080'}",
		"c.example:1080",
	],
])("the hosts include those of %s", (_, settings, host) => {
	expect(hostsOf(settings)).toContain(host);
});

test("the hosts include those that a .env file sets for programs", () => {
	const file =
		"HTTPS_PROXY=proxy.example:3128\nOPENAI_BASE_URL=http://model.example/v1\nNO_PROXY=local.example\nNOTE=x.example\n";
	const hosts = hostsOf("provider: cli, command: agent", { ".env": file });
	expect(hosts).toEqual(["model.example", "proxy.example:3128"]);
});

test("the hosts don't include URLs in text for a model", () => {
	expect(hostsOf("provider: mock, response: 'See http://docs.example/x'")).toEqual([]);
});
