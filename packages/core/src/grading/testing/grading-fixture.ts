import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import type { Assertion } from "../../eval/eval-types.ts";
import { loadEval } from "../../eval/load-eval.ts";
import { commandRunner } from "../../eval/resolve-command.ts";
import { openDiskView } from "../../eval/source.ts";
import { makeOwnDirectory } from "../../machine/environment.ts";
import { type CouldNotRun, type GradedAssertion, isGraded, type Subject } from "../contract.ts";
import { type GradingServices, gradeAssertion } from "../grade-answer.ts";

/** An assertion from an eval and the services that grade it. */
export interface GradingFixture {
	readonly root: string;
	readonly assertion: Assertion;
	readonly services: GradingServices;
	grade(subject: Partial<Subject>): Promise<GradedAssertion | CouldNotRun>;
}

/** Loads one assertion (YAML in flow style) from an eval among `files`. */
export function gradingFixture(
	assertion: string,
	files: Readonly<Record<string, string>> = {},
	more: Partial<GradingServices> = {},
): GradingFixture {
	const root = tempTree({
		...files,
		"x.eval.yaml": `tests:\n  - id: t\n    input: hi\n    assertions:\n      - ${assertion.replaceAll("\n", "\n        ")}\n`,
	});
	const view = openDiskView();
	const env = { ...gitTestEnvironment, HOME: root };
	const loaded = loadEval(join(root, "x.eval.yaml"), { view, env, cwd: root });
	const errors = loaded.diagnostics.filter(({ severity }) => severity === "error");
	const [test] = loaded.tests;
	const [only] = test?.assertions ?? [];
	if (errors.length > 0 || !only) throw new Error(errors.map(({ message }) => message).join("\n") || "no assertion");
	const { scope } = loaded;
	const services: GradingServices = {
		...{ env, scope, view, runCommand: commandRunner({ view, scope, env }) },
		programEnv: { AGENTV_EXPERIMENT: "default" },
		scratch: {
			path: join(root, "scratch"),
			make() {
				makeOwnDirectory(join(root, "scratch"));
				return join(root, "scratch");
			},
		},
		signal: new AbortController().signal,
		askModel: async () => ({ ok: false, failure: { code: "none", message: "there is no model", retryable: false } }),
		...more,
	};
	return {
		...{ root, assertion: only, services },
		async grade(subject) {
			const result = await gradeAssertion(only, aSubject(subject), services);
			return isGraded(result)
				? result
				: { couldNotRun: result.error, ...(result.usage ? { usage: result.usage } : {}) };
		},
	};
}

export function aSubject(more: Partial<Subject> = {}): Subject {
	return {
		...{ testId: "t", attempt: 1, prompt: "hi", output: "", threshold: 0.8 },
		input: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
		inputFiles: async () => [],
		...{ messages: [], toolCalls: [], metadata: {} },
		...more,
	};
}

/** Grades `output` by one assertion and returns its score. @throws if it could not run */
export async function scoreOf(assertion: string, subject: Partial<Subject> | string): Promise<number> {
	const graded = await gradingFixture(assertion).grade(typeof subject === "string" ? { output: subject } : subject);
	if ("couldNotRun" in graded) throw new Error(graded.couldNotRun.message);
	return graded.score;
}
