import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bashCompletionPackage, hostileName, hostileTarget, openShell, project, type Shell } from "./testing/shells.ts";

const shells: readonly Shell[] = ["bash", "zsh", "fish"];

async function completesByTabulator(shell: Shell) {
	const there = project();
	const { enter } = await openShell(shell, there);
	expect(await enter("agentv benchm\tsy\tal\t")).toEqual(["benchmark", "sync", "alpha"]);
	const short = await enter("agentv eval evals/pl\t--target=pl\t--dr\t");
	expect(short).toEqual(["eval", "evals/plain.eval.yaml", "--target=plain", "--dry-run"]);
	const validate = await enter("agentv eval validate --format sa\t--rule=git.no-r\to\t");
	expect(validate).toEqual(["eval", "validate", "--format", "sarif", "--rule=git.no-repo=off"]);
	expect(await enter("agentv eval run ~/evals/pl\t")).toEqual([
		"eval",
		"run",
		join(there.cwd, "evals/plain.eval.yaml"),
	]);
}

describe.each(shells)("completion in %s", (shell) => {
	it("completes words with the Tab key", () => completesByTabulator(shell));

	it("quotes special characters and never executes them", async () => {
		const there = project();
		const { enter } = await openShell(shell, there);
		const called = async (keys: string) => (await enter(`agentv ${keys}`)).at(-1);
		expect(await called("eval run evals/wi\t")).toBe("evals/with space.eval.yaml");
		expect(await called("eval run evals/it\t")).toBe(`evals/${hostileName}`);
		expect(await called("eval run 'evals/wi\t")).toBe("evals/with space.eval.yaml");
		expect(await called('eval run "evals/it\t')).toBe(`evals/${hostileName}`);
		expect(await called("eval run 'evals/it\t")).toBe(`evals/${hostileName}`);
		expect(await called("eval run evals/su\tde\t")).toBe("evals/sub dir/deep.eval.yaml");
		expect(await called("eval run evals/sub\\ dir/de\t")).toBe("evals/sub dir/deep.eval.yaml");
		expect(await called("eval run evals/co\t")).toBe("evals/co:lon.eval.yaml");
		expect(await called("eval run evals/co:l\t")).toBe("evals/co:lon.eval.yaml");
		expect(await called("eval run evals/plain.eval.yaml --test tw\t")).toBe("two words");
		expect(await called("eval run evals/plain.eval.yaml --target a\t")).toBe(hostileTarget);
		expect(existsSync(there.canary)).toBe(false);
	});

	it("lists the candidates", async () => {
		const { type, waitFor } = await openShell(shell, project());
		type("agentv benchmark s\t\t");
		await waitFor("status");
		await waitFor("sync");
	});
});

it.skipIf(!existsSync(bashCompletionPackage))("completion in bash works with the package bash-completion", () =>
	completesByTabulator("bash with its completion package"),
);
