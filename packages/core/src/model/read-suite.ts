import { basename, dirname } from "node:path";
import { finding, type Place } from "../base/diagnostic.ts";
import { slugify } from "../base/slug.ts";
import { sameValue } from "../base/value-edit.ts";
import type { EvalEnvelope } from "../schema/eval-file.ts";
import { type Hooks, hookNames, type Repeat, type Suite, type TargetChoice, type Workspace } from "./eval-types.ts";
import { conflictingFields } from "./load-findings.ts";
import { readExtension, readHooks, readWorkspace, wireHookNames } from "./load-workspace.ts";
import type { Loading } from "./loading.ts";
import { commandOf } from "./read-command.ts";
import { repeatOf } from "./read-repeat.ts";
import { child, type Part } from "./source.ts";
import { readTargetChoice } from "./target-choice.ts";

export function readSuite(file: string, envelope: EvalEnvelope, part: Part, loading: Loading): Suite {
	const { scope } = loading;
	const base = scope.directory;
	const { execution } = envelope;
	const workspace =
		envelope.workspace === undefined ? undefined : readWorkspace(child(part, "workspace"), base, loading);
	const hooks = envelope.hooks === undefined ? {} : readHooks(child(part, "hooks"), base, loading);
	reportSharedHooks(hooks, workspace, part, loading);
	const bare = { isolation: "shared" as const, repos: [], hooks: {}, env: {}, at: part.at };
	const own = workspace ?? (Object.keys(hooks).length > 0 ? bare : undefined);
	const timeout = envelope.timeoutSeconds;
	return {
		file,
		name: envelope.name ?? evalName(file),
		scope,
		...(own ? { workspace: { ...own, hooks: { ...hooks, ...own.hooks } } } : {}),
		extensions: (envelope.extensions ?? []).flatMap(
			(_, index) => readExtension(child(part, "extensions", index), base, loading) ?? [],
		),
		preprocessors: (envelope.preprocessors ?? []).map((entry, index) => {
			const at = child(part, "preprocessors", index);
			return {
				type: entry.type,
				command: commandOf(entry.command, at, "command", entry.cwd, base),
				...(entry.timeoutSeconds ? { timeoutSeconds: entry.timeoutSeconds } : {}),
			};
		}),
		targets: targetsOf(envelope, part, base),
		threshold: envelope.threshold ?? execution?.threshold ?? 0.8,
		...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
		repeat: repeatOf(envelope.repeat, execution?.trials) ?? once,
	};
}

/** A hook of the eval and one of its workspace would run at the same time, and only one could. */
function reportSharedHooks(hooks: Hooks, workspace: Workspace | undefined, part: Part, loading: Loading): void {
	for (const name of hookNames) {
		const [own, other] = [hooks[name], workspace?.hooks[name]];
		if (!own || !other || (own.at.file === other.at.file && sameWritten(own.at, other.at, part))) continue;
		const keys = [`workspace.hooks.${wireHookNames[name]}`, `hooks.${wireHookNames[name]}`] as const;
		loading.report(finding(conflictingFields, { keys }, { ...own.at, part: "key" }));
	}
}

function sameWritten(one: Place, other: Place, { value }: Part): boolean {
	const at = (place: Place) => {
		let found = value;
		for (const key of place.path ?? [])
			found = (found as Readonly<Record<string | number, unknown>> | undefined)?.[key];
		return found;
	};
	return sameValue(at(one), at(other));
}

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

function targetsOf(envelope: EvalEnvelope, part: Part, base: string): TargetChoice[] {
	const { execution } = envelope;
	const one = (value: unknown, at: Part) => readTargetChoice(value, at, base) ?? [];
	if (envelope.targets) return envelope.targets.flatMap((value, index) => one(value, child(part, "targets", index)));
	if (envelope.target !== undefined) return [one(envelope.target, child(part, "target"))].flat();
	if (execution?.targets)
		return execution.targets.flatMap((value, index) => one(value, child(part, "execution", "targets", index)));
	return execution?.target === undefined ? [] : [one(execution.target, child(part, "execution", "target"))].flat();
}

/** Returns the eval's name: `my.eval.yaml` → `my`, `EVAL.yaml` → the directory's name. */
function evalName(file: string): string {
	const stem = basename(file)
		.replace(/\.(ya?ml|jsonl?)$/i, "")
		.replace(/\.eval$/i, "");
	return slugify(/^evals?$/i.test(stem) ? basename(dirname(file)) : stem).slice(0, 64) || "eval";
}
