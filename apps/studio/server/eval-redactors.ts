import {
	createRedactor,
	type Environment,
	type LoadedEval,
	type Redactor,
	secretsIn,
	secretsOf,
	type TargetScope,
} from "@agentv/core";

/** Shorter values are ordinary words and numbers; replacing them would garble texts. */
const shortest = 4;

/** Creates redactors for an eval's texts, which remove variable values and secrets. */
export function evalRedactors(
	loaded: LoadedEval,
	targets: TargetScope,
	env: Environment,
): { readonly redact: Redactor; readonly redactWritten: Redactor } {
	const redactWritten = createRedactor([...secretsOf(env), ...writtenSecrets(loaded, targets)]);
	const values = valuesOf(loaded, targets, env);
	return {
		redactWritten,
		redact: (text) => {
			let shown = text;
			for (const [value, name] of values) shown = shown.replaceAll(value, () => `\${{ ${name} }}`);
			return redactWritten(shown);
		},
	};
}

/** Returns the values of variables in eval and target files, longest first. */
function valuesOf(loaded: LoadedEval, targets: TargetScope, env: Environment): [value: string, name: string][] {
	const used = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
	const values = new Map<string, string>();
	for (const { name } of used) {
		const value = env[name];
		if (value !== undefined && value.length >= shortest) values.set(value, name);
	}
	return [...values].sort(([a], [b]) => b.length - a.length);
}

/** Returns literal secrets in eval and target files. */
function writtenSecrets(loaded: LoadedEval, targets: TargetScope): string[] {
	const found = [...targets.sources.values(), ...loaded.sources.values()].flatMap((source) =>
		source.document ? secretsIn(settingsIn(source.document.value)) : [],
	);
	return found.filter((secret) => !secret.includes("${{"));
}

/** Returns the parts of a document that may contain a target; elsewhere, a field named `token` may be prose. */
function settingsIn(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	const { tests, ...rest } = value as Record<string, unknown>;
	const own = Array.isArray(tests)
		? tests.map((test) => (typeof test === "object" && test !== null && "target" in test ? test.target : undefined))
		: undefined;
	return { ...rest, own };
}
