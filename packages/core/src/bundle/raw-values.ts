import type { DocumentPath, Place } from "../base/diagnostic.ts";
import { type JsonLine, parseJsonLines } from "../base/json-lines.ts";
import { agentSkillsEnvelope, isAgentSkillsFile } from "../model/agent-skills.ts";
import { plainPart, type Source } from "../model/source.ts";

/** Values as they stand in the files, `${{ }}` unreplaced: what a bundle writes. */
export interface RawValues {
	/** The value at `place`; undefined where there is none. */
	at(place: Place): unknown;
	/** The scalar at `place` as its author wrote it. */
	written(place: Place): string | undefined;
	/** The whole document of a file; for JSON Lines the list of its rows. */
	document(file: string): unknown;
}

export function rawValues(...sources: readonly ReadonlyMap<string, Source>[]): RawValues {
	const documents = new Map<string, unknown>();
	const rows = new Map<string, ReadonlyMap<number, JsonLine>>();
	const find = (file: string) => sources.map((map) => map.get(file)).find((source) => source !== undefined);
	const document = (file: string): unknown => {
		if (!documents.has(file)) documents.set(file, readDocument(file, find(file)));
		return documents.get(file);
	};
	const row = (file: string, line: number): JsonLine | undefined => {
		let lines = rows.get(file);
		if (!lines) {
			const parsed = parseJsonLines(find(file)?.text ?? "", file).rows;
			lines = new Map(parsed.map((found) => [found.line, found]));
			rows.set(file, lines);
		}
		return lines.get(line);
	};
	return {
		document,
		written: ({ file, line, path = [] }) =>
			line === undefined ? writtenIn(file, find(file), path) : row(file, line)?.spelled.get(path.join("\0")),
		at: (place) =>
			valueAt(place.line === undefined ? document(place.file) : row(place.file, place.line)?.value, place.path ?? []),
	};
}

function writtenIn(file: string, source: Source | undefined, path: DocumentPath): string | undefined {
	const document = source?.document;
	if (!document || !isAgentSkillsFile(file, document.value)) return document?.sourceText(path);
	const part = { ...plainPart(document.value, { file }), written: (own: DocumentPath) => document.sourceText(own) };
	return agentSkillsEnvelope(part).written(path);
}

function readDocument(file: string, source: Source | undefined): unknown {
	if (!source) return undefined;
	if (!source.document) return parseJsonLines(source.text, file).rows.map((row) => row.value);
	const { value } = source.document;
	if (!isAgentSkillsFile(file, value)) return value;
	return agentSkillsEnvelope(plainPart(value, { file })).value;
}

/** The value below `value` at `path`; undefined where there is none. */
export function valueAt(value: unknown, path: DocumentPath): unknown {
	let found = value;
	for (const key of path) {
		if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
		found = (found as Record<string | number, unknown>)[key];
	}
	return found;
}

/** A key for maps by place. */
export function placeKey({ file, line, path }: Place, ...more: DocumentPath): string {
	return [file, line ?? "", ...(path ?? []), ...more].join("\0");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
