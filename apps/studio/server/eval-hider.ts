import { createMasker, type Environment, isSecretName, type LoadedEval, mask, type TargetScope } from "@agentv/core";

/** Shorter values are words and numbers: putting names in their place would riddle every text. */
const shortest = 4;

/** How an eval's texts are shown: no variable's value, no key, no user part of a URL. */
export function evalHider(
	loaded: LoadedEval,
	targets: TargetScope,
	env: Environment,
): { hide(text: string): string; hideWritten(text: string): string } {
	const secrets = createMasker(env);
	const literal = literalCredentials(loaded, targets);
	const values = valuesOf(loaded, targets, env);
	const hideWritten = (text: string) => {
		let shown = text;
		for (const credential of literal) shown = shown.replaceAll(credential, mask);
		return secrets(withoutUsers(shown));
	};
	return {
		hideWritten,
		hide: (text) => {
			let shown = text;
			for (const [value, name] of values) shown = shown.replaceAll(value, () => `\${{ ${name} }}`);
			return hideWritten(shown);
		},
	};
}

/** Values of the variables that eval and target files name, longest first. */
function valuesOf(loaded: LoadedEval, targets: TargetScope, env: Environment): [value: string, name: string][] {
	const used = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
	const values = new Map<string, string>();
	for (const { name } of used) {
		const value = env[name];
		if (value !== undefined && value.length >= shortest) values.set(value, name);
	}
	return [...values].sort(([a], [b]) => b.length - a.length);
}

/** Keys that stand in eval or target files as they are. */
function literalCredentials(loaded: LoadedEval, targets: TargetScope): string[] {
	const found = new Set<string>();
	const look = (value: unknown, secret: boolean): void => {
		if (typeof value === "string") {
			if (secret && value.length >= shortest && !value.includes("${{")) found.add(value);
		} else if (Array.isArray(value)) for (const item of value) look(item, secret);
		else if (typeof value === "object" && value !== null)
			for (const [key, item] of Object.entries(value)) look(item, secret || isCredential(key));
	};
	for (const source of [...targets.sources.values(), ...loaded.sources.values()])
		if (source.document) look(credentialParts(source.document.value), false);
	return [...found].sort((a, b) => b.length - a.length);
}

/** The parts of a document that may hold a target: prose elsewhere may be called `token` and mean none. */
function credentialParts(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	const { tests, ...rest } = value as Record<string, unknown>;
	const own = Array.isArray(tests)
		? tests.map((test) => (typeof test === "object" && test !== null && "target" in test ? test.target : undefined))
		: undefined;
	return { ...rest, own };
}

function isCredential(key: string): boolean {
	return isSecretName(key) || /^authorization$/i.test(key);
}

/** URLs without what stands before their `@`. */
function withoutUsers(text: string): string {
	return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'`<>]{1,500}@/gi, (_, scheme: string) => `${scheme}${mask}@`);
}
