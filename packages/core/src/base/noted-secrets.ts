import type { Variables } from "./interpolate.ts";
import { createRedactor, type Redactor, secretsOf } from "./redact.ts";
import { looksChosenByMachine } from "./secret-shapes.ts";

/** Secrets of `.env` files: the user's own, as those of the environment are. */
const ofVariables = new Set<string>();
/** What targets files hold, the oldest first. Anyone can have written such a file. */
const ofTargets = new Set<string>();
const mostOfTargets = 10_000;
/** How often the sets have changed. */
let changes = 0;

/** Notes the secrets of a `.env` file: what the process prints from now on is redacted of them. */
export function noteVariables(secrets: readonly string[]): void {
	for (const secret of secrets) {
		if (ofVariables.has(secret)) continue;
		ofVariables.add(secret);
		changes += 1;
	}
}

/**
 * Notes secrets that targets files hold, unless they look like names of fields: a file that is only read must not take words such as `mean_score`
 * out of everything that the process prints. When there are too many, the oldest are forgotten.
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

/** Names of our own fields and statuses (`pass_at_1`, `sha256`) have digits at their ends, if at all; in what is printed they must stay. */
function isName(secret: string): boolean {
	return /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(secret) && !looksChosenByMachine(secret);
}

/** Returns the redactor of what a process prints: it knows the secrets of its environment and those that were noted by now. */
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
