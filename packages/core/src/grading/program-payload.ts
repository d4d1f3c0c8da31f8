import { join } from "node:path";
import { writeOwnFile } from "../io/files/own-files.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { ToolCall } from "../schema/message.ts";
import { toWire } from "../schema/to-wire.ts";
import type { GraderServices, Subject } from "./contract.ts";
import { messageToWire } from "./message-to-wire.ts";

/** Longer answers are passed to programs as a file. */
const longestInline = 50_000;

/** User data in `metadata` and `config` keeps its own keys. */
export function programPayload(subject: Subject, config: Readonly<Record<string, unknown>>, services: GraderServices) {
	const large = subject.outputFile !== undefined || subject.output.length > longestInline;
	return {
		criteria: subject.criteria ?? null,
		expected_output: subject.expectedOutput ?? null,
		output: large ? null : subject.output,
		output_path: large ? outputFile(subject, services.scratch) : null,
		messages: subject.messages.map((message) => ({
			role: message.role,
			content: message.parts ? message.parts.map(toWire) : message.content,
			...(message.toolCalls ? { tool_calls: message.toolCalls.map(toWire) } : {}),
		})),
		input: subject.input.map((message) => messageToWire(message, "path")),
		input_files: subject.input.flatMap(({ content }) =>
			content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])),
		),
		metadata: subject.metadata,
		trace_summary: {
			tool_calls: countByTool(subject.toolCalls),
			error_count: subject.toolCalls.filter(failed).length,
			llm_call_count: subject.llmCalls ?? null,
		},
		token_usage: subject.tokenUsage ?? null,
		cost_usd: subject.costUsd ?? null,
		duration_ms: subject.durationMs ?? null,
		file_changes: subject.fileChanges ?? null,
		workspace_path: subject.workspacePath ?? null,
		config,
	};
}

function outputFile(subject: Subject, scratch: Scratch): string {
	if (subject.outputFile !== undefined) return subject.outputFile;
	const file = join(scratch.make(), "output.txt");
	writeOwnFile(file, subject.output);
	return file;
}

function countByTool(calls: readonly ToolCall[]): Record<string, number> {
	const counts = new Map<string, number>();
	for (const { tool } of calls) counts.set(tool, (counts.get(tool) ?? 0) + 1);
	return Object.fromEntries(counts);
}

/** Returns whether a call's output has one of the usual signs of failure. */
function failed({ output }: ToolCall): boolean {
	if (typeof output !== "object" || output === null) return false;
	const { error, is_error: isError } = output as { error?: unknown; is_error?: unknown };
	return isError === true || (error !== undefined && error !== null && error !== false);
}
