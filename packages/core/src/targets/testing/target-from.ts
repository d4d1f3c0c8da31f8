import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { findScope } from "../../eval/discover-evals.ts";
import { loadTargets } from "../../eval/load-targets.ts";
import { commandRunner } from "../../eval/resolve-command.ts";
import { resolveTarget } from "../../eval/resolve-target.ts";
import { openDiskView } from "../../eval/source.ts";
import type { Environment } from "../../machine/environment.ts";
import type { Provider, RequestMessage, Target, TargetRequest } from "../contract.ts";
import { vendorKeys } from "../providers/index.ts";

/** Creates a target; `settings` are spelled as in a targets file. */
export function targetFrom(
	provider: Provider,
	settings: Readonly<Record<string, unknown>>,
	{ env = {}, directory = tempTree() }: { env?: Environment; directory?: string } = {},
): Target {
	const view = openDiskView();
	const file = join(
		tempTree({ "targets.yaml": targetsFile({ provider: provider.name, ...settings }) }),
		"targets.yaml",
	);
	const scope = findScope(directory, directory, view);
	const targets = loadTargets(scope, { view, env, targetsFile: file });
	const resolved = resolveTarget({ name: "tested", at: { file, path: [] } }, targets);
	if (!resolved.ok) throw new Error(resolved.diagnostics.map(({ message }) => message).join("\n"));
	const runCommand = commandRunner({ view, scope, env });
	return provider.create(resolved.target, { env, scope, view, runCommand, vendorKeys });
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
