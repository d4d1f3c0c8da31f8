import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import type { Environment } from "../../io/environment.ts";
import { openDiskView } from "../../model/disk-view.ts";
import { findScope } from "../../model/eval-scope.ts";
import { loadTargets } from "../../model/load-targets.ts";
import { resolveTarget } from "../../model/resolve-target.ts";
import { commandRunner } from "../../model/run-command.ts";
import type { ProviderName } from "../../schema/target-file.ts";
import type { Provider, RequestMessage, Target, TargetOf, TargetRequest } from "../contract.ts";

/** `settings` are in file spelling, as in a targets file. */
export function targetFrom<Name extends ProviderName>(
	provider: Provider<Name>,
	settings: Readonly<Record<string, unknown>>,
	{ env = {}, directory = tempTree() }: { env?: Environment; directory?: string } = {},
): Target {
	const view = openDiskView();
	const file = join(
		tempTree({ "targets.yaml": targetsFile({ provider: provider.provider, ...settings }) }),
		"targets.yaml",
	);
	const scope = findScope(directory, directory, view);
	const targets = loadTargets(scope, { view, env, targetsFile: file });
	const resolved = resolveTarget({ name: "tested", at: { file, path: [] } }, targets);
	if (!resolved.ok) throw new Error(resolved.diagnostics.map(({ message }) => message).join("\n"));
	const runCommand = commandRunner({ view, scope, env });
	return provider.create(resolved.target as TargetOf<Name>, { env, scope, view, runCommand });
}

function targetsFile(entry: Readonly<Record<string, unknown>>): string {
	return JSON.stringify({ targets: [{ name: "tested", ...entry }] });
}

/** Returns a request with the text `prompt`, or the given messages. */
export function request(prompt: string | readonly RequestMessage[], more: Partial<TargetRequest> = {}): TargetRequest {
	const messages: readonly RequestMessage[] =
		typeof prompt === "string" ? [{ role: "user", content: [{ type: "text", text: prompt }] }] : prompt;
	return {
		testId: "case",
		attempt: 1,
		messages,
		prompt: typeof prompt === "string" ? prompt : JSON.stringify(prompt),
		files: [],
		providerContext: {},
		scratch: { path: "/nonexistent", make: () => "/nonexistent" },
		signal: new AbortController().signal,
		...more,
	};
}

export function message(role: RequestMessage["role"], text: string): RequestMessage {
	return { role, content: [{ type: "text", text }] };
}
