import { realPath } from "../../io/files/stat-path.ts";
import { askAgent } from "../acp/acp-talk.ts";
import { messageStream } from "../acp/message-stream.ts";
import { objectLines } from "../agent/object-lines.ts";
import { checkCommand } from "../check-command.ts";
import type {
	Provider,
	TargetAnswer,
	TargetFailure,
	TargetOf,
	TargetOutcome,
	TargetRequest,
	TargetServices,
} from "../contract.ts";
import { processFailure } from "../process-failure.ts";

/** An agent with the Agent Client Protocol over stdio, started once per turn. */
export const acp: Provider<"acp"> = {
	provider: "acp",
	create: (target, services) => ({
		check: async () => target.command && checkCommand(target.command, services),
		invoke: (request) => invoke(target, services, request),
	}),
};

/** Milliseconds for an agent to exit when there are no more requests. */
const partingMs = 500;
const keptOutput = 64 * 1024;

async function invoke(
	{ settings, command }: TargetOf<"acp">,
	services: TargetServices,
	request: TargetRequest,
): Promise<TargetOutcome> {
	if (!command) return failed({ code: "not-found", message: "the target has no command", retryable: false });
	const cwd = realPath(request.workspacePath ?? services.scope.directory);
	const messages = messageStream((params) => talk.onUpdate(params));
	const talk = askAgent(messages.stream, request, settings, cwd);
	const over = new AbortController();
	let closeInput: () => void = () => undefined;
	const running = services.runCommand(command, {
		defaultCwd: cwd,
		env: { ...settings.env, AGENTV_PROVIDER_CONTEXT: JSON.stringify(request.providerContext) },
		signal: AbortSignal.any([request.signal, over.signal]),
		maxBuffer: keptOutput,
		onInput: (input) => {
			closeInput = () => input.close();
			messages.onInput(input);
		},
		onStdout: objectLines(messages.onMessage),
	});
	const ended = running.then((result) => {
		messages.end();
		return result;
	});
	const asked = talk.answer.then(
		(answer) => ({ answer }),
		(error: unknown) => ({ error }),
	);
	const first = await Promise.race([asked, ended.then(() => Promise.race([asked, silence()]))]);
	closeInput();
	const timer = setTimeout(() => over.abort(), partingMs);
	const result = await ended;
	clearTimeout(timer);
	request.log?.(result.stderr);
	if (request.signal.aborted)
		return failed({
			code: "interrupted",
			message: "the agent was interrupted",
			retryable: false,
			partial: talk.partial(),
		});
	if ("answer" in first) return outcomeOf(first.answer);
	// If we ended it, its exit is not a failure.
	const process = over.signal.aborted ? undefined : processFailure(result, command.text[0] ?? "the agent");
	return failed({ ...(process ?? talkFailure(first.error)), partial: talk.partial() });
}

/** A program that never ran leaves the connection waiting for its stdin. */
function silence(): Promise<{ readonly error: unknown }> {
	const error = new Error("the agent ended before it answered");
	return new Promise((resolve) => setTimeout(() => resolve({ error }), partingMs));
}

function outcomeOf(answer: TargetAnswer): TargetOutcome {
	if (answer.metadata?.["finish_reason"] !== "cancelled") return { ok: true, answer };
	return failed({ code: "agent-failed", message: "the agent cancelled its turn", retryable: true, partial: answer });
}

function failed(failure: TargetFailure): TargetOutcome {
	return { ok: false, failure };
}

const authRequired = -32_000;

function talkFailure(error: unknown): TargetFailure {
	const { code, data } = error as { code?: unknown; data?: unknown };
	const said = error instanceof Error ? error.message : String(error);
	const details = typeof data === "object" && data !== null && "details" in data ? `: ${String(data.details)}` : "";
	if (code === authRequired)
		return { code: "auth", message: `the agent requires authentication: ${said}`, retryable: false };
	return { code: "agent-failed", message: `the agent responded with an error: ${said}${details}`, retryable: true };
}
