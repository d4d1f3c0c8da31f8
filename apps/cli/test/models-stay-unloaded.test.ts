import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { agentv, tempTree } from "@agentv/test-support";
import { expect, it } from "vitest";

/** Text that only occurs in the SDKs of models and agents. */
const sdk = /ai-sdk\/(openai|openai-compatible|anthropic|google|azure)\/|"session\/request_permission"/;

/** Returns the files that the built command line loads, from Node's coverage report. */
async function loadedFiles(args: readonly string[], cwd: string): Promise<string[]> {
	const coverage = tempTree();
	await agentv(args, { cwd, env: { NODE_V8_COVERAGE: coverage } });
	const reports = readdirSync(coverage).map((file) => JSON.parse(readFileSync(join(coverage, file), "utf8")));
	const urls: string[] = reports.flatMap(({ result }) => result.map(({ url }: { url: string }) => url));
	return urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url));
}

const files = {
	"my.eval.yaml": "tests: [{id: t, input: hi, criteria: It greets.}]\n",
	"targets.yaml":
		"targets:\n  - {name: default, provider: acp, command: [agent], grader_target: judge}\n  - {name: judge, provider: openai, model: m, api_key: '${{ KEY }}'}\n",
};

it.each([[["--version"]], [["--help"]], [["eval", "validate", "my.eval.yaml"]]])(
	"agentv %j loads no SDK of models or agents",
	async (args) => {
		const loaded = await loadedFiles(args, tempTree(files));
		expect(loaded.length).toBeGreaterThan(0);
		expect(loaded.filter((file) => sdk.test(readFileSync(file, "utf8")))).toEqual([]);
	},
);

it("a run loads only the SDK of the target that it uses", async () => {
	const directory = tempTree({
		...files,
		"targets.yaml":
			"targets: [{name: default, provider: openai, model: m, base_url: 'http://127.0.0.1:9/v1', max_retries: 0}]\n",
	});
	const loaded = await loadedFiles(["eval", "run", "my.eval.yaml"], directory);
	const found = loaded.flatMap((file) => sdk.exec(readFileSync(file, "utf8"))?.[0] ?? []);
	expect([...new Set(found)]).toEqual(["ai-sdk/openai-compatible/"]);
});
