import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputWatch, law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeBundle } from "../bundle/testing/make-bundle.ts";
import { AgentvError } from "../lib/errors.ts";
import { mutatedJson } from "../lib/testing/mutated-json.ts";
import { parseManifest, verifyBundle } from "./bundle-manifest.ts";

test("verifies or refuses any bundle manifest quickly", { timeout: 900_000 }, async () => {
	const root = tempTree({
		"eval/e.eval.yaml": "target: m\nworkspace: ./t\ntests: [{id: a, input: hi, criteria: x}]\n",
		"eval/targets.yaml": "targets: [{name: m, provider: mock}]",
		"eval/t/a.txt": "abc",
	});
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	const file = join(output, "manifest.json");
	const sound = readFileSync(file, "utf8");
	const watch = inputWatch();
	let rounds = 0;
	await fc.assert(
		fc.asyncProperty(mutatedJson(sound), async (text) => {
			watch.look(text, () => refused(() => parseManifest(text, file)));
			if (rounds++ % 5 !== 0) return;
			writeFileSync(file, text);
			const verified = await verifyBundle(output).catch(expectRefusal);
			if (verified) JSON.stringify(verified);
		}),
		law(10_000),
	);
	console.log(`Manifests: the slowest took ${watch.slowest.ms} ms, memory grew by ${watch.grownMb()} MB.`);
	expect(watch.slowest).toMatchObject({ ms: expect.toSatisfy((ms: number) => ms < 2000) });
	expect(watch.grownMb()).toBeLessThan(500);
});

function refused(work: () => unknown): void {
	try {
		work();
	} catch (error) {
		expectRefusal(error);
	}
}

function expectRefusal(error: unknown): undefined {
	if (!(error instanceof AgentvError)) throw error;
	expect(error.message).toContain("manifest.json");
	return undefined;
}
