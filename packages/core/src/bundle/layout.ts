import { basename, dirname, join, relative, sep } from "node:path";
import { agentSkillsEnvelope, isAgentSkillsFile } from "../eval/check-tests.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { plainPart, type Source } from "../eval/source.ts";
import type { DocumentPath, Place } from "../lib/errors.ts";
import { type JsonLine, parseJsonLines } from "../lib/json-lines.ts";
import { isInside } from "../machine/files.ts";

/** The folders of a bundle that copies go to, each a mirror of a part of the source tree. */
export const areas = ["workspace", "scripts", "data"] as const;
export type Area = (typeof areas)[number];

/** What lies in an area: directories that hold a copy, or where a command runs. Absolute. */
export interface AreaExtent {
	/** Every directory that must have a place in the area. */
	readonly directories: Iterable<string>;
	/** Directories whose own name must stay: they can't be the area's top. */
	readonly named?: Iterable<string>;
}

/** Where everything goes: pure functions of paths. */
export interface Layout {
	/** The bundle path of what lies at the absolute `path` in the source; "" would be the bundle itself. */
	place(area: Area, path: string): string;
	/** The source directory that an area mirrors; undefined while nothing lies in it. */
	top(area: Area): string | undefined;
}

/**
 * Lays out a bundle: each area mirrors the smallest directory that holds all that lies in it, so that `../lib/x.mjs` still
 * resolves. `taken` says which sources have a bundle path of their own already; an area that would put something else there
 * gets another name.
 */
export function layOut(extents: Readonly<Record<Area, AreaExtent>>, taken: ReadonlyMap<string, string>): Layout {
	const tops = new Map<Area, string>();
	const prefixes = new Map<Area, string>();
	for (const area of areas) {
		const top = commonDirectory([
			...extents[area].directories,
			...[...(extents[area].named ?? [])].map((directory) => dirname(directory)),
		]);
		if (top === undefined) continue;
		tops.set(area, top);
		prefixes.set(area, freePrefix(area, top, taken));
	}
	return {
		top: (area) => tops.get(area),
		place(area, path) {
			const top = tops.get(area);
			if (top === undefined || !isInside(top, path)) throw new RangeError(`${path} can't be placed in ${area}`);
			return toBundlePath(prefixes.get(area) ?? area, relative(top, path));
		},
	};
}

/** The area's name, or with underscores where others hold a path below it for another source. */
function freePrefix(area: Area, top: string, taken: ReadonlyMap<string, string>): string {
	const agrees = (prefix: string) =>
		[...taken].every(
			([path, source]) =>
				path !== prefix && (!path.startsWith(`${prefix}/`) || source === join(top, path.slice(prefix.length + 1))),
		);
	let prefix: string = area;
	while (!agrees(prefix)) prefix += "_";
	return prefix;
}

/** The deepest directory that holds all of `directories`. */
function commonDirectory(directories: Iterable<string>): string | undefined {
	let common: string | undefined;
	for (const directory of directories) {
		common ??= directory;
		while (!isInside(common, directory)) common = dirname(common);
	}
	return common;
}

/** Joins with `/`, whatever the system's separator; "" for the bundle itself. */
export function toBundlePath(...parts: readonly string[]): string {
	const path = join(...parts)
		.split(sep)
		.join("/");
	return path === "." ? "" : path.replace(/\/$/, "");
}

/** How a file in the bundle directory `from` writes the bundle path `to`: with `./` or `../` in front, so that it means a file anywhere. */
export function relativeReference(from: string, to: string): string {
	const path = relative(`/${from}`, `/${to}`).split(sep).join("/");
	if (path === "") return ".";
	return path.startsWith("../") || path === ".." ? path : `./${path}`;
}

/** Where an eval file stands in the source and in the bundle. */
export interface SuitePlace {
	readonly file: string;
	/** Directory of the source that `bundleDirectory` stands for: relative paths below it stay as they are. */
	readonly directory: string;
	/** "" for the bundle itself. */
	readonly bundleDirectory: string;
	readonly bundleFile: string;
}

/** A place for the eval (`eval.yaml`) and for each suite it imports, by source file. Suites never look like evals of their own. */
export function suitePlaces(loaded: LoadedEval): ReadonlyMap<string, SuitePlace> {
	const { directory } = loaded.scope;
	const places = new Map<string, SuitePlace>([
		[loaded.file, { file: loaded.file, directory, bundleDirectory: "", bundleFile: "eval.yaml" }],
	]);
	const imported = [...new Set(loaded.files.filter(({ kind }) => kind === "suite").map(({ resolved }) => resolved))];
	const outside = commonDirectory(
		imported.map((file) => dirname(file)).filter((parent) => !isInside(directory, parent)),
	);
	const names = new Set<string>();
	for (const file of imported) {
		if (places.has(file)) continue;
		const parent = dirname(file);
		const bundleDirectory = isInside(directory, parent)
			? toBundlePath(relative(directory, parent))
			: toBundlePath("suites", relative(outside ?? parent, parent));
		const stem =
			basename(file)
				.replace(/\.(ya?ml|jsonl?)$/i, "")
				.replace(/\.?eval$/i, "") || "eval";
		let bundleFile = toBundlePath(bundleDirectory, `${stem}.suite.yaml`);
		for (let count = 2; names.has(bundleFile); count++)
			bundleFile = toBundlePath(bundleDirectory, `${stem}-${count}.suite.yaml`);
		names.add(bundleFile);
		places.set(file, { file, directory: parent, bundleDirectory, bundleFile });
	}
	return places;
}

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
