import { basename, dirname, join, relative, sep } from "node:path";
import { agentSkillsEnvelope, isAgentSkillsFile } from "../eval/check-tests.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { plainPart, type Source } from "../eval/source.ts";
import type { DocumentPath, Place } from "../lib/errors.ts";
import { type JsonLine, parseJsonLines } from "../lib/json.ts";
import { isInside } from "../machine/files.ts";

/** Directories of a bundle for copies, each mirroring a part of the source tree. */
export const areas = ["workspace", "scripts", "data"] as const;
export type Area = (typeof areas)[number];

/** Absolute directories with copies, or in which commands run. */
export interface AreaExtent {
	/** Every directory that needs a place in the area. */
	readonly directories: Iterable<string>;
	/** Directories whose own name must stay: they can't be the area's top. */
	readonly named?: Iterable<string>;
}

/** Maps paths to the bundle, without file access. */
export interface Layout {
	/** Returns the bundle path of the absolute source `path`. */
	place(area: Area, path: string): string;
	/** Returns the source directory that an area mirrors; undefined if it is empty. */
	top(area: Area): string | undefined;
}

/**
 * Lays out a bundle: each area mirrors the smallest directory with all its content, so that
 * `../lib/x.mjs` still resolves. `taken` has fixed bundle paths with their sources; a conflicting
 * area gets another name.
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

/** Returns the area's name, with underscores if another source uses a path below it. */
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

/** Returns the deepest directory that contains all `directories`. */
function commonDirectory(directories: Iterable<string>): string | undefined {
	let common: string | undefined;
	for (const directory of directories) {
		common ??= directory;
		while (!isInside(common, directory)) common = dirname(common);
	}
	return common;
}

/** Joins with `/` on all systems; "" for the bundle itself. */
export function toBundlePath(...parts: readonly string[]): string {
	const path = join(...parts)
		.split(sep)
		.join("/");
	return path === "." ? "" : path.replace(/\/$/, "");
}

/** Returns a path with `./` or `../`, so that it is never a bare word. */
export function relativeReference(from: string, to: string): string {
	const path = relative(`/${from}`, `/${to}`).split(sep).join("/");
	if (path === "") return ".";
	return path.startsWith("../") || path === ".." ? path : `./${path}`;
}

/** The location of an eval file in the source and in the bundle. */
export interface SuitePlace {
	readonly file: string;
	/** Source directory for `bundleDirectory`: relative paths below it stay unchanged. */
	readonly directory: string;
	/** "" for the bundle itself. */
	readonly bundleDirectory: string;
	readonly bundleFile: string;
}

/** Returns places by source file. Suites never have eval names. */
export function suitePlaces(loaded: LoadedEval): ReadonlyMap<string, SuitePlace> {
	const { directory } = loaded.scope;
	const places = new Map<string, SuitePlace>([
		[loaded.file, { file: loaded.file, directory, bundleDirectory: "", bundleFile: "eval.yaml" }],
	]);
	const imported = [
		...new Set(loaded.files.filter(({ path }) => path.kind === "suite").map(({ resolved }) => resolved)),
	];
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

/** Values as in the files, without `${{ }}` replaced: what a bundle writes. */
export interface RawValues {
	/** Returns the value at `place`, if any. */
	at(place: Place): unknown;
	/** Returns the scalar at `place` as written. */
	written(place: Place): string | undefined;
	/** Returns the whole document of a file; for JSON Lines the list of its rows. */
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

/** Returns the value below `value` at `path`, if any. */
export function valueAt(value: unknown, path: DocumentPath): unknown {
	let found = value;
	for (const key of path) {
		if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
		found = (found as Record<string | number, unknown>)[key];
	}
	return found;
}

/** Returns a key for maps by location. */
export function placeKey({ file, line, path }: Place, ...more: DocumentPath): string {
	return [file, line ?? "", ...(path ?? []), ...more].join("\0");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
