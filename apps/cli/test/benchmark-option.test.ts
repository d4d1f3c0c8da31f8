import { existsSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";

const evalText = `target: {name: t, provider: mock, response: hello}
tests:
  - {id: a, input: Say hello., assertions: [{type: contains, value: hello}]}
`;

test("--benchmark resolves evals in a benchmark for validate, bundle and run, from any directory", async () => {
	const evals = tempTree({ "one.eval.yaml": evalText, "sub/two.eval.yaml": evalText });
	const cwd = tempTree({ ".home/benchmarks.yaml": `benchmarks:\n  - {id: b, path: ${JSON.stringify(evals)}}\n` });

	const validated = await agentv(["eval", "validate", "--benchmark", "b", "--format", "json"], { cwd });
	expect(JSON.parse(validated.stdout).summary).toMatchObject({ evals: 2, errors: 0 });
	const some = await agentv(["eval", "validate", "--benchmark", "b", "sub/*.eval.yaml", "--format", "json"], { cwd });
	expect(JSON.parse(some.stdout).summary).toMatchObject({ evals: 1 });

	expect(await agentv(["bundle", "--benchmark", "b", "one.eval.yaml", "-o", "out"], { cwd })).toMatchObject({
		exitCode: 0,
	});
	expect(existsSync(join(cwd, "out/manifest.json"))).toBe(true);
	const many = await agentv(["bundle", "--benchmark", "b", "**/*.eval.yaml", "-o", "out2"], { cwd });
	expect(many).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("names 2 evals of b") });

	expect(await agentv(["eval", "run", "--benchmark", "b"], { cwd })).toMatchObject({ exitCode: 0 });
	const outside = await agentv(["eval", "validate", "--benchmark", "b", "../x.eval.yaml"], { cwd });
	expect(outside.exitCode).toBe(2);
});
