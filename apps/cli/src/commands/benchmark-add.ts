import { addBenchmark, type WrittenEntry } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { json } from "../report/benchmark-json.ts";
import { syncAndReport } from "../sync/sync-and-report.ts";

interface AddCommandOptions {
	readonly id?: string;
	readonly name?: string;
	readonly ref?: string;
	readonly path?: string;
	readonly sync?: boolean;
	readonly json?: boolean;
}

export async function benchmarkAdd(
	location: string,
	options: AddCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { id, name, ref, path } = options;
	const entry = await addBenchmark(location, { env: context.env, cwd: context.cwd, id, name, ref, path });
	const isGit = entry.fields["source"] !== undefined;
	if (options.sync && isGit) {
		context.stderr.write(addedText(entry, false));
		const synced = await syncAndReport({ ids: [entry.id] }, context, options.json === true);
		return options.json ? { ...synced, text: json({ added: addedJson(entry), ...synced.document }) } : synced;
	}
	return { text: options.json ? json({ added: addedJson(entry) }) : addedText(entry, isGit), exitCode: 0 };
}

function addedJson({ file, id, fields }: WrittenEntry) {
	return { id, file, entry: fields };
}

function addedText({ file, id, fields }: WrittenEntry, suggestSync: boolean): string {
	const next = suggestSync ? `Get it with: agentv benchmark sync ${id}\n` : "";
	return `Added to ${file}:\n${fieldLines(fields, "  ").join("")}${next}`;
}

function fieldLines(fields: WrittenEntry["fields"], indent: string): string[] {
	return Object.entries(fields).flatMap(([key, value]) =>
		typeof value === "string"
			? [`${indent}${key}: ${value}\n`]
			: [`${indent}${key}:\n`, ...fieldLines(value, `${indent}  `)],
	);
}
