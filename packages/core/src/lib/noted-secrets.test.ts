import { expect, test } from "vitest";
import { createOutputRedactor, noteTargets, noteVariables } from "./redact.ts";

const redact = createOutputRedactor({ MY_TOKEN: "planted environment" });

test.each(["mean_score", "execution_error", "pass_at_1", "sha256", "claude"])(
	"keeps %s in output if a targets file contains it",
	(word) => {
		noteTargets([word]);
		expect(redact(`x ${word} y`)).toBe(`x ${word} y`);
	},
);

test.each(["planted1a2b3c", "correct horse", "Zx9-planted-77", "3f9ac2d1e0b7"])(
	"redacts %s after it is noted",
	(secret) => {
		expect(redact(`x ${secret} y`)).toContain(secret);
		noteTargets([secret]);
		expect(redact(`x ${secret} y`)).toBe("x *** y");
	},
);

test("has room for more secrets after any number of targets' secrets, including the user's own", () => {
	noteVariables(["planted dotenv"]);
	noteTargets(Array.from({ length: 10_500 }, (_, index) => `filler-1a2b-${index}-x9`));
	noteTargets(["planted-late-1x2y"]);
	noteVariables(["planted late dotenv"]);
	expect(redact("planted-late-1x2y, planted dotenv, planted late dotenv, planted environment")).toBe(
		"***, ***, ***, ***",
	);
	expect(redact("filler-1a2b-3-x9")).toBe("filler-1a2b-3-x9");
});
