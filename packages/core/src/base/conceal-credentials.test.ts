import { expect, test } from "vitest";
import { concealCredentials } from "./conceal-credentials.ts";

test.each([
	['url: "https://user:hunter2@h/x" # why', 'url: "https://user:*******@h/x" # why'],
	["{url: https://u:${{ T }}@h/x, ref: a@b}", "{url: https://u:${{ T }}@h/x, ref: a@b}"],
	["url: https://u:${{ T:-hunter2 }}@h/x", "url: https://u:${{ T:-******* }}@h/x"],
	["url: https://u:pre${{ T }}post@h/x", "url: https://u:***${{ T }}****@h/x"],
	["url: https://${{ U:-ada }}@h/x", "url: https://${{ U:-*** }}@h/x"],
	["https://ghp_0123456789abcdefghij@h/x", "https://************************@h/x"],
	["api_key: sk-0123456789abcdef # mine", "api_key: ******************* # mine"],
	["see https://host:8443/a@b and me@host", "see https://host:8443/a@b and me@host"],
	["https://ada@host/x ssh://git@host:22/y", "https://ada@host/x ssh://git@host:22/y"],
	["a: 1", "a: 1"],
])("%s is shown as %s", (line, shown) => {
	expect(concealCredentials(line)).toBe(shown);
	expect(concealCredentials(line)).toHaveLength(line.length);
});
