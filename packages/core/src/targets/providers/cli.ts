import { basename, join } from "node:path";
import { z } from "zod";
import { type CommandSpec, parseCommand } from "../../eval/command.ts";
import type { TargetWith } from "../../eval/resolve-target.ts";
import { commandSchema, older, secondsSchema, wireObject } from "../../format/codec.ts";
import { commonSettings } from "../../format/target-file.ts";
import { writeOwnFile } from "../../machine/environment.ts";
import { pathKind } from "../../machine/files.ts";
import { readHead } from "../../machine/read-file.ts";
import type { ProcessResult } from "../../machine/run-process.ts";
import {
	defineProvider,
	requestVariables,
	type TargetFailure,
	type TargetOutcome,
	type TargetProblem,
	type TargetRequest,
	type TargetServices,
} from "../contract.ts";
import { processFailure, readAnswer } from "../read-answer.ts";

/** In bytes; a longer answer stays in its file. */
const maxBytesInMemory = 10 * 1024 * 1024;

const healthcheckSchema = z.union([
	commandSchema,
	wireObject({ command: commandSchema, cwd: z.string().optional(), timeoutSeconds: secondsSchema.optional() }),
	wireObject({ url: z.string(), timeoutSeconds: secondsSchema.optional() }),
]);

const settings = wireObject({
	...commonSettings,
	command: commandSchema,
	cwd: z.string().optional(),
	healthcheck: healthcheckSchema.optional(),
	filesFormat: z.string().optional(),
	attachmentsFormat: older(z.string(), "files_format"),
});

type CliTarget = TargetWith<"cli", z.output<typeof settings>>;

export const cli = defineProvider({
	name: "cli",
	kind: "program",
	runs: "any program",
	needs: "`command`",
	cost: "as it says",
	settings,
	create: (target, services) => ({
		check: (signal) => check(target, services, signal),
		invoke: (request) => invoke(target, services, request),
	}),
});

async function check(
	target: CliTarget,
	services: TargetServices,
	signal: AbortSignal,
): Promise<TargetProblem | undefined> {
	if (target.settings.providerBatching)
		return { message: "`provider_batching: true` is not supported", hint: "make the command answer one test per call" };
	const { checkCommand } = await import("../check-command.ts");
	const program = target.command && checkCommand(target.command, services);
	return program ?? healthProblem(target, services, signal);
}

const healthTimeoutMs = 30_000;

async function healthProblem(
	target: CliTarget,
	services: TargetServices,
	signal: AbortSignal,
): Promise<TargetProblem | undefined> {
	const { healthcheck } = target.settings;
	const fields = typeof healthcheck === "object" && !Array.isArray(healthcheck) ? healthcheck : undefined;
	const timeoutMs =
		fields && "timeoutSeconds" in fields && fields.timeoutSeconds ? fields.timeoutSeconds * 1000 : healthTimeoutMs;
	if (target.healthcheck) {
		const result = await services.runCommand(target.healthcheck, {
			timeoutMs,
			signal,
			defaultCwd: services.scope.directory,
		});
		const failure = processFailure(result, "the health check");
		return failure && { message: failure.message };
	}
	return fields && "url" in fields
		? urlProblem(fields.url, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
		: undefined;
}

async function urlProblem(url: string, signal: AbortSignal): Promise<TargetProblem | undefined> {
	try {
		const response = await fetch(url, { signal });
		await response.body?.cancel();
		return response.ok ? undefined : { message: `the health check got HTTP ${response.status}` };
	} catch (error) {
		// fetch rejects with a TypeError whose cause has the network error.
		const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
		return { message: `the health check failed: ${cause instanceof Error ? cause.message : String(cause)}` };
	}
}

async function invoke(target: CliTarget, services: TargetServices, request: TargetRequest): Promise<TargetOutcome> {
	const { command } = target;
	if (!command)
		return { ok: false, failure: { code: "not-found", message: "the target has no command", retryable: false } };
	const uses = usedPlaceholders(command);
	const { scratch } = request;
	const promptFile = join(scratch.path, "prompt.md");
	const outputFile = join(scratch.path, "output.txt");
	if (uses.has("PROMPT_FILE") || uses.has("OUTPUT_FILE")) scratch.make();
	if (uses.has("PROMPT_FILE")) writeOwnFile(promptFile, request.prompt);
	const format = target.settings.filesFormat ?? target.settings.attachmentsFormat;
	const result = await services.runCommand(command, {
		values: {
			PROMPT: request.prompt,
			PROMPT_FILE: promptFile,
			OUTPUT_FILE: outputFile,
			FILES: request.files.flatMap((file) => fileWords(file, format)),
			EVAL_ID: request.testId,
			ATTEMPT: String(request.attempt),
			test_id: request.testId,
			...(request.workspacePath === undefined ? {} : { workspace_path: request.workspacePath }),
		},
		defaultCwd: request.workspacePath ?? services.scope.directory,
		env: requestVariables(request),
		signal: request.signal,
		maxBuffer: maxBytesInMemory,
		spillDir: scratch.path,
	});
	const failure = processFailure(result, "the command");
	request.log?.(result.stderr);
	if (failure || uses.has("OUTPUT_FILE")) request.log?.(result.stdout);
	const outcome = uses.has("OUTPUT_FILE") ? answerOfFile(outputFile, result) : answerOfStdout(result);
	return failure ? { ok: false, failure: { ...failure, ...partialOf(outcome) } } : outcome;
}

/** Keeps what a failed command had answered, because its cost counts. */
function partialOf(outcome: TargetOutcome): Pick<TargetFailure, "partial"> {
	return outcome.ok && outcome.answer.text !== "" ? { partial: outcome.answer } : {};
}

function usedPlaceholders({ text, written }: CommandSpec): ReadonlySet<string> {
	const words = [written?.text ?? text].flat().join(" ");
	return new Set([...words.matchAll(/\{([A-Z_]+)\}/g)].map((match) => match[1] ?? ""));
}

/** `--file {path}` becomes two arguments for each file. */
function fileWords(file: string, format: string | undefined): string[] {
	if (format === undefined) return [file];
	const parsed = parseCommand(format);
	const words = parsed.kind === "argv" ? parsed.words.map((word) => word.text) : [parsed.text];
	return words.map((word) => word.replaceAll("{path}", file).replaceAll("{basename}", basename(file)));
}

const maxOutputLength = 2000;

function answerOfStdout(result: ProcessResult): TargetOutcome {
	if (result.stdoutPath !== undefined)
		return { ok: true, answer: { text: result.stdout, textFile: result.stdoutPath, messages: [] } };
	return { ok: true, answer: readAnswer(result.stdout) };
}

/** In bytes: the file is copied into the record, even if it is sparse. */
const maxOutputFileBytes = 512 * 1024 * 1024;

function badFile(message: string): TargetOutcome {
	return { ok: false, failure: { code: "bad-answer", message, retryable: false } };
}

function answerOfFile(file: string, result: ProcessResult): TargetOutcome {
	const kind = pathKind(file);
	if (kind !== "file" && kind !== "missing")
		return badFile(
			`the command replaced its {OUTPUT_FILE} with ${kind === "other" ? "a device, pipe or socket" : `a ${kind}`}: only a regular file is read`,
		);
	const head = readHead(file, maxBytesInMemory, { noFollow: true });
	if (head && head.size > maxOutputFileBytes)
		return badFile(
			`the command wrote ${head.size} bytes to its {OUTPUT_FILE}, more than the ${maxOutputFileBytes} allowed`,
		);
	if (head?.cut) return { ok: true, answer: { text: head.text, textFile: file, messages: [] } };
	if (head) return { ok: true, answer: readAnswer(head.text) };
	const said = result.stderr.trim().slice(-maxOutputLength);
	const message = `the command ended without writing its {OUTPUT_FILE}${said === "" ? "" : `: ${said}`}`;
	return { ok: false, failure: { code: "no-output", message, retryable: true } };
}
