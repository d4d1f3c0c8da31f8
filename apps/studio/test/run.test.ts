import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { testBrowser } from "@agentv/test-support/browser";
import { describe, expect, test } from "vitest";
import { below, smallEval } from "./testing/evals.ts";
import { openStudio } from "./testing/open-studio.ts";

const browser = testBrowser();

/** An eval with a slow program, so that the test can watch the run. */
const slow = {
	"slow.eval.yaml": [
		"name: slow",
		"target: waits",
		"workers: 1",
		"assertions:",
		"  - type: contains",
		"    value: done",
		"tests:",
		...Array.from({ length: 6 }, (_, index) => `  - id: step-${index}\n    input: ${index === 3 ? "fail" : "work"}`),
		"",
	].join("\n"),
	"targets.yaml": "targets:\n  - name: waits\n    provider: cli\n    command: [node, ./waits.mjs, '{PROMPT}']\n",
	"waits.mjs":
		'setTimeout(() => console.log(process.argv[2] === "fail" ? "# No\\n\\nIt **failed**." : "done"), 700);\n',
};

describe("a run in the browser", () => {
	test("can be started, watched, inspected, and started again", async () => {
		const studio = await openStudio({ files: slow });
		const page = await browser.page();
		await page.goto(studio.link("here"));
		await page.getByRole("link", { name: "slow.eval.yaml" }).click();
		await page.getByRole("button", { name: "Run", exact: true }).click();
		await page.getByRole("dialog").getByText("./waits.mjs").first().waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).click();

		await page.getByText("Running", { exact: true }).waitFor();
		await page.getByText(/^[1-5] of 6 tests$/).waitFor();
		await page.getByText(/Running: step-\d/).waitFor();
		await page.getByText("Done", { exact: true }).waitFor();
		await page.getByText("83 %").first().waitFor();

		await page.getByRole("link", { name: /^Failed/ }).click();
		expect(page.url()).toContain("status=failed");
		await page.getByRole("link", { name: "step-3" }).click();
		const output = page.getByRole("region", { name: "Output" });
		await output.getByText("It failed.").waitFor();
		await page.getByRole("button", { name: "Raw text of the output" }).click();
		await output.getByText("It **failed**.").waitFor();
		await page.goBack();
		await page.getByRole("link", { name: "step-3" }).waitFor();
		await expect(page.getByRole("link", { name: "step-2" }).count(), "the filter came back").resolves.toBe(0);

		await page.getByRole("link", { name: "Eval" }).click();
		await page.getByRole("button", { name: "Run", exact: true }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).click();
		await page.getByText("Running", { exact: true }).waitFor();
		await page.getByRole("button", { name: "Cancel" }).click();
		await page.getByText("Interrupted", { exact: true }).waitFor();
		await page.getByRole("button", { name: "Resume" }).click();
		await page.getByText("Done", { exact: true }).waitFor();

		await page.getByRole("link", { name: "Runs", exact: true }).first().click();
		await page.getByRole("img", { name: /Pass rate over time/ }).waitFor();
		await expect(page.getByRole("row", { name: /slow/ }).count()).resolves.toBe(2);
	});

	test("of a synced benchmark shows its commands before it starts", async () => {
		const bare = gitRepository(join(tempTree(), "evals"), below("evals", slow)).pushTo(join(tempTree(), "team.git"));
		const studio = await openStudio();
		await studio.agentv("benchmark", "add", `file://${bare}`, "--id", "team");
		await studio.agentv("benchmark", "sync");
		const page = await browser.page();
		await page.goto(studio.link("benchmarks/team"));
		await page.getByRole("link", { name: /slow.eval.yaml/ }).click();
		await page.getByRole("button", { name: "Run", exact: true }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText("team was synced: its commands were written by others").waitFor();
		await dialog
			.getByText(/waits\.mjs/)
			.first()
			.waitFor();
		await page.keyboard.press("Escape");
		await dialog.waitFor({ state: "detached" });
		expect(await studio.agentv("results", "list", "--json")).not.toContain("slow");
	});

	test("of a synced benchmark asks only once for consent to read variables", async () => {
		const files = smallEval("reads", ["one"]);
		const reading = {
			...files,
			"reads.eval.yaml": `${files["reads.eval.yaml"]}metadata: {note: "\${{ TEAM_NOTE:-none }}"}\n`,
		};
		const bare = gitRepository(join(tempTree(), "evals"), below("evals", reading)).pushTo(join(tempTree(), "team.git"));
		const studio = await openStudio();
		await studio.agentv("benchmark", "add", `file://${bare}`, "--id", "team", "--sync");
		const page = await browser.page();
		await page.goto(studio.link("benchmarks/team"));
		await page.getByRole("link", { name: /reads.eval.yaml/ }).click();
		const evalPage = page.url();
		await page.getByRole("button", { name: "Run", exact: true }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText("New access to files, hosts or variables").waitFor();
		await dialog.getByText("TEAM_NOTE").waitFor();
		await dialog.getByRole("button", { name: "Trust and run" }).click();
		await page.getByText("Done", { exact: true }).waitFor();
		await page.goto(evalPage);
		await page.getByRole("button", { name: "Run", exact: true }).click();
		await dialog.getByRole("button", { name: "Run as shown" }).waitFor();
		await expect(dialog.getByText("New access to files, hosts or variables").count()).resolves.toBe(0);
	});

	test("that cannot be started reports what is missing", async () => {
		const files = smallEval("sums", ["one"]);
		const studio = await openStudio({ files: { ...files, "targets.yaml": "targets: []\n" } });
		const page = await browser.page();
		await page.goto(studio.link("here"));
		await page.getByRole("link", { name: /sums.eval.yaml/ }).click();
		await page.getByRole("button", { name: "Run", exact: true }).click();
		await page
			.getByRole("dialog")
			.getByText(/listed/)
			.first()
			.waitFor();
		await expect(page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).isDisabled()).resolves.toBe(
			true,
		);
	});
});
