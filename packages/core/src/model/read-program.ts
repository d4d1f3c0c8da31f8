import { exactData } from "../base/written-json.ts";
import type { BuiltInAssertion } from "./eval-types.ts";
import type { Loading } from "./loading.ts";
import { commandOf } from "./read-command.ts";
import { child, type Part, placeOf } from "./source.ts";

type CodeGrader = Extract<BuiltInAssertion, { type: "code-grader" }>;

/** Reads a `code-grader` with its command, in the current or the deprecated spelling. */
export function readCodeGrader(
	assertion: CodeGrader,
	part: Part,
	base: string,
	loading: Loading,
): CodeGrader | undefined {
	const { settings } = assertion;
	const { script, timeoutMs, ...rest } = settings;
	const command = settings.command ?? script;
	if (command === undefined) {
		loading.shape(placeOf(part, ["command"]), "command", "is required (text or a list of words)");
		return undefined;
	}
	return {
		...assertion,
		settings: { ...rest, ...configOf(settings, part), command, ...timeoutOf(settings) },
		command: commandOf(command, part, settings.command === undefined ? "script" : "command", settings.cwd, base),
	};
}

/** Returns what a program gets as its `config`. */
export function configOf({ config }: { config?: Readonly<Record<string, unknown>> | undefined }, part: Part) {
	return config ? { config: exactData(config, child(part, "config").written) } : {};
}

/** Returns the time limit of a program; `timeout_ms` is the deprecated spelling. */
export function timeoutOf({
	timeoutSeconds,
	timeoutMs,
}: {
	timeoutSeconds?: number | undefined;
	timeoutMs?: number | undefined;
}) {
	const seconds = timeoutSeconds ?? (timeoutMs === undefined ? undefined : timeoutMs / 1000);
	return seconds === undefined ? {} : { timeoutSeconds: seconds };
}
