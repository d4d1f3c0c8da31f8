import { resolve } from "node:path";
import {
	AgentvError,
	benchmarkSubject,
	bundleSubject,
	discoverEvals,
	findEntry,
	grantTrust,
	openDiskView,
	planTrust,
	readRegistry,
	removeTrust,
	resolveBenchmarkPaths,
	type TrustPlan,
	type TrustSubject,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { newThings, trustText } from "../output/bundle.ts";
import { json } from "../output/terminal.ts";

interface TrustCommandOptions {
	readonly yes?: boolean;
	readonly revoke?: boolean;
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly envFile?: string;
	readonly json?: boolean;
}

export async function benchmarkTrust(
	id: string,
	paths: readonly string[],
	options: TrustCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { env } = context;
	const registry = readRegistry(env);
	const subject = benchmarkSubject(findEntry(registry, id), registry.file, env);
	if (options.revoke) return revoke(subject, options, context);
	return trust(subject, resolveBenchmarkPaths(id, paths, { env, view: openDiskView() }).files, options, context);
}

export async function bundleTrust(
	directory: string,
	evals: readonly string[],
	options: TrustCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const subject = bundleSubject(resolve(context.cwd, directory));
	if (options.revoke) return revoke(subject, options, context);
	const named = evals.length > 0 ? evals : [subject.root];
	return trust(subject, discoverEvals(named, context.cwd, openDiskView()), options, context);
}

async function revoke(subject: TrustSubject, options: TrustCommandOptions, { env }: Context): Promise<CommandResult> {
	await removeTrust(subject.key, env);
	const text = `Revoked the consent for ${subject.kind} ${subject.name}.\n`;
	return { text: options.json ? json({ [subject.kind]: subject.name, trusted: false }) : text, exitCode: 0 };
}

async function trust(
	subject: TrustSubject,
	evals: readonly string[],
	options: TrustCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { env, cwd } = context;
	const { target, targets, envFile } = options;
	const plan = planTrust(subject, evals, {
		...{ env, cwd, view: openDiskView(), targets: target },
		targetsFile: targets === undefined ? undefined : resolve(cwd, targets),
		envFile: envFile === undefined ? undefined : resolve(cwd, envFile),
	});
	const isNew = plan.found.length > 0;
	// With --json, the reader is a program that can't be asked.
	const isGranted = !isNew || options.yes === true || (!options.json && (await consents(plan, context)));
	if (isGranted) await grantTrust(plan.found, env);
	if (options.json) {
		const text = json({ [subject.kind]: subject.name, trusted: isGranted, new: newThings(plan) });
		return { text, exitCode: isGranted ? 0 : 2 };
	}
	const shown = options.yes || !isNew ? trustText(plan, cwd) : "";
	const ending = !isNew ? "" : isGranted ? "Trusted.\n" : "Nothing was trusted.\n";
	return { text: `${shown}${ending}`, exitCode: isGranted ? 0 : 1 };
}

/** @throws AgentvError `usage` without a terminal */
async function consents(plan: TrustPlan, { ask, stderr, cwd }: Context): Promise<boolean> {
	const { kind, name } = plan.subject;
	stderr.write(trustText(plan, cwd));
	if (ask) return /^y(es)?$/i.test((await ask("Allow these? [y/N] ")).trim());
	throw new AgentvError("usage", `${kind} ${name} is not trusted, and stdin is not a terminal`, {
		hint: "Review the list above, then pass --yes.",
	});
}
