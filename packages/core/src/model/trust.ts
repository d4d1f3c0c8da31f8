import { parse } from "node:path";
import { createRedactor, type Redactor, secretsOf } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import { type AccessItem, accessOf } from "./access.ts";
import { type NewAccess, newAccess } from "./consent.ts";
import type { DiskView } from "./disk-view.ts";
import { evalEnvironment, withEnvFile } from "./eval-environment.ts";
import { loadEval } from "./load-eval.ts";
import { loadTargets } from "./load-targets.ts";
import { addTrust } from "./trust-record.ts";
import type { TrustSubject } from "./trust-subjects.ts";
import { resolvedTargets, usedTargets } from "./used-targets.ts";

export interface TrustOptions {
	/** The process environment. */
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	readonly view: DiskView;
	/** Targets to run evals with, in addition to their own. */
	readonly targets?: readonly string[] | undefined;
	/** As for `eval run`; absolute. */
	readonly targetsFile?: string | undefined;
	readonly envFile?: string | undefined;
}

/** What evals of a subject read and contact. */
export interface TrustPlan {
	readonly subject: TrustSubject;
	readonly access: readonly AccessItem[];
	/** The part that needs the user's consent. */
	readonly found: readonly NewAccess[];
	readonly redact: Redactor;
}

/** Runs and sends nothing. Problems of the evals are left to a run. */
export function planTrust(subject: TrustSubject, evals: readonly string[], options: TrustOptions): TrustPlan {
	const { env, view } = options;
	const access = evals.flatMap((file) => accessOfEval(file, options));
	const found = newAccess(access, { env, view }).filter((one) => one.subject.key === subject.key);
	return { subject, access, found, redact: createRedactor(secretsOf(withEnvFile(env, options.envFile))) };
}

function accessOfEval(
	file: string,
	{ env: given, cwd, view, targets, targetsFile, envFile }: TrustOptions,
): AccessItem[] {
	const processEnv = withEnvFile(given, envFile);
	const ownFiles = targetsFile === undefined ? [] : [targetsFile];
	const reach = { allowed: [parse(file).root], ownFiles, option: "--allow-outside" } as const;
	const loaded = loadEval(file, { view, env: processEnv, cwd, reach });
	const env = evalEnvironment(loaded.scope, processEnv, view);
	const scope = loadTargets(loaded.scope, { view, env, ...(targetsFile === undefined ? {} : { targetsFile }) });
	const uses = [...usedTargets(loaded, scope), ...(targets ? usedTargets(loaded, scope, targets) : [])];
	return accessOf({ loaded, scope, targets: resolvedTargets(uses), tests: loaded.tests, env, view });
}

/** Records the user's consent to what was shown. */
export async function grantTrust(found: readonly NewAccess[], env: Environment): Promise<void> {
	for (const key of new Set(found.map(({ subject }) => subject.key))) {
		const items = found.flatMap(({ subject, item }) => (subject.key === key ? [item] : []));
		await addTrust(key, items, env);
	}
}
