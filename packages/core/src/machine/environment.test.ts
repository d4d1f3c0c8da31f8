import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { agentvHome, expandHome, homeDirectory } from "./environment.ts";

test("the home directory comes from the given environment, else from the system", () => {
	expect(homeDirectory({ HOME: "/h" })).toBe("/h");
	expect(homeDirectory({})).toBe(homedir());
	expect(expandHome("~/x", { HOME: "/h" })).toBe("/h/x");
	expect(expandHome("~", { HOME: "/h" })).toBe("/h");
	expect(expandHome("~other/x", { HOME: "/h" })).toBe("~other/x");
});

test("AGENTV_HOME may begin with a tilde; empty means unset", () => {
	expect(agentvHome({ HOME: "/h" })).toBe("/h/.agentv");
	expect(agentvHome({ HOME: "/h", AGENTV_HOME: "" })).toBe("/h/.agentv");
	expect(agentvHome({ HOME: "/h", AGENTV_HOME: "~/data/" })).toBe("/h/data");
	expect(agentvHome({ HOME: "/h", AGENTV_HOME: "/abs" })).toBe("/abs");
});

test("an empty HOME is ignored, so that the trust record is never in the working directory", () => {
	vi.stubEnv("HOME", "");
	onTestFinished(() => void vi.unstubAllEnvs());
	const { homedir: registered } = userInfo();
	expect(homeDirectory({ HOME: "" })).toBe(registered);
	expect(agentvHome({ HOME: "", AGENTV_HOME: "" })).toBe(join(registered, ".agentv"));
});
