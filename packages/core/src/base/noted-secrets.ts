import type { Variables } from "./interpolate.ts";
import { createRedactor, type Redactor, secretsOf } from "./redact.ts";
import { looksChosenByMachine } from "./secret-shapes.ts";

/** Secrets of `.env` files, which belong to the user like those of the environment. */
const ofVariables = new Set<string>();
/** Secrets in targets files, oldest first. Such a file is not necessarily trusted. */
const ofTargets = new Set<string>();
const mostOfTargets = 10_000;
/** Number of changes to the sets. */
let changes = 0;

/** Registers the secrets of a `.env` file: everything printed afterwards is redacted of them. */
export function noteVariables(secrets: readonly string[]): void {
	for (const secret of secrets) {
		if (ofVariables.has(secret)) continue;
		ofVariables.add(secret);
		changes += 1;
	}
}

/**
 * Registers secrets in targets files, unless they look like field names: merely reading a file must
 * not redact words such as `mean_score` from all output. If there are too many, the oldest are
 * dropped.
 */
export function noteTargets(secrets: readonly string[]): void {
	for (const secret of secrets) {
		if (ofTargets.has(secret) || isName(secret)) continue;
		ofTargets.add(secret);
		changes += 1;
		const [oldest] = ofTargets;
		if (ofTargets.size > mostOfTargets && oldest !== undefined) ofTargets.delete(oldest);
	}
}

/**
 * Returns whether it looks like an AgentV field or status (`pass_at_1`, `sha256`): digits only at
 * the end. Such names must stay in the output.
 */
function isName(secret: string): boolean {
	return /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(secret) && !looksChosenByMachine(secret);
}

/** The redactor knows the secrets of the environment and all registered ones. */
export function createOutputRedactor(env: Variables): Redactor {
	const own = secretsOf(env);
	let seen: number | undefined;
	let redact: Redactor = createRedactor();
	return (text) => {
		if (seen !== changes) {
			seen = changes;
			redact = createRedactor([...own, ...ofVariables, ...ofTargets]);
		}
		return redact(text);
	};
}
