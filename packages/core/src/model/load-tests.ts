import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { finding } from "../base/diagnostic.ts";
import { globFiles, splitGlob } from "../io/files/glob-files.ts";
import type { LoadedFile } from "./eval-types.ts";
import { pathMissing, testsEmpty } from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import { type PathText, stripScheme } from "./path-text.ts";
import { child, type Part } from "./source.ts";

/** A test before parsing: its value and the directory that its paths are relative to. */
export interface RawTest {
	readonly part: Part;
	readonly base: string;
	/** For a directory of cases: its `workspace/` as template. */
	readonly template?: PathText;
}

/** Collects the tests of a `tests` field: an inline list, a path, or a list that mixes both. */
export function collectTests(part: Part, base: string, loading: Loading): RawTest[] {
	if (typeof part.value === "string") return testsOfPath({ raw: part.value, at: part.at, base }, loading, []);
	if (Array.isArray(part.value)) return testsOfList(part, base, loading, []);
	if (part.value === undefined || part.value === null) return [];
	loading.shape(part.at, "tests", "expected a list of tests or a path");
	return [];
}

function testsOfList(part: Part, base: string, loading: Loading, trail: readonly string[]): RawTest[] {
	return (part.value as unknown[]).flatMap((entry, index): RawTest[] => {
		const item = child(part, index);
		if (typeof entry === "string") return testsOfPath({ raw: entry, at: item.at, base }, loading, trail);
		const fields = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
		if (typeof fields.include === "string" && fields.id === undefined) {
			return testsOfPath({ raw: fields.include, at: child(item, "include").at, base }, loading, trail);
		}
		return [{ part: item, base }];
	});
}

/** The path is a file, a directory of cases, or a glob. `trail` lists including files. */
export function testsOfPath(path: PathText, loading: Loading, trail: readonly string[]): RawTest[] {
	const raw = stripScheme(path.raw);
	if (/[*?[\]{}]/.test(raw) && !raw.includes("{{") && loading.view.kind(join(path.base, raw)) === "missing")
		return testsOfGlob(path, raw, loading, trail);
	const resolved = loading.resolve(path, "tests", "test data");
	if (resolved === undefined) return [];
	return loading.view.kind(resolved) === "directory"
		? testsOfDirectory(resolved, path, loading)
		: testsOfFile(resolved, path, loading, trail);
}

function testsOfGlob(path: PathText, raw: string, loading: Loading, trail: readonly string[]): RawTest[] {
	const directory = resolve(path.base, splitGlob(raw).base);
	loading.files.push({ kind: "tests", path, resolved: directory, found: "glob" });
	if (loading.refuses(directory, { raw: path.raw, kind: "test data", at: path.at })) return [];
	const files = filesOfGlob(path, raw, loading);
	if (!files) return [];
	if (files.length === 0)
		loading.report(
			finding(pathMissing, { raw: path.raw, kind: "test data", lookedIn: loading.shown(path.base) }, path.at),
		);
	return files.flatMap((file) => {
		loading.files.push(listedFile(path, file));
		return testsOfFile(file, path, loading, trail);
	});
}

/** Returns the files of a pattern; undefined, after reporting, if it is invalid. */
function filesOfGlob({ at, base }: PathText, raw: string, loading: Loading): string[] | undefined {
	try {
		return globFiles(raw, base, { budget: loading.globBudget });
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		loading.shape(at, "tests", error.message);
		return undefined;
	}
}

function listedFile(path: PathText, file: string): LoadedFile {
	const raw = relative(path.base, file).split(sep).join("/");
	return { kind: "tests", path: { ...path, raw }, resolved: file, found: "listed" };
}

function testsOfDirectory(directory: string, path: PathText, loading: Loading): RawTest[] {
	const cases = loading.view.list(directory).flatMap((name) => {
		const folder = join(directory, name);
		const file = ["case.yaml", "case.yml"]
			.map((ending) => join(folder, ending))
			.find((candidate) => loading.view.kind(candidate) === "file");
		return file ? [{ folder, file }] : [];
	});
	if (cases.length === 0)
		loading.report(finding(testsEmpty, { reason: `no subdirectory of ${path.raw} contains a case.yaml` }, path.at));
	return cases.flatMap(({ folder, file }) => {
		loading.files.push(listedFile(path, file));
		const part = loading.read(file, path.at)?.parts[0];
		if (!part || part.value === undefined) return [];
		const id = (part.value as { id?: unknown } | null)?.id;
		const named =
			id === undefined && typeof part.value === "object"
				? { ...part, value: { id: basename(folder), ...part.value } }
				: part;
		const template = join(folder, "workspace");
		const hasTemplate = loading.view.kind(template) === "directory";
		return [
			{
				part: named,
				base: folder,
				...(hasTemplate ? { template: { raw: "./workspace", at: part.at, base: folder } } : {}),
			},
		];
	});
}

function testsOfFile(file: string, path: PathText, loading: Loading, trail: readonly string[]): RawTest[] {
	if (trail.includes(file)) {
		loading.shape(
			path.at,
			"tests",
			`files include each other in a cycle: ${[...trail, file].map((one) => loading.shown(one)).join(" → ")}`,
		);
		return [];
	}
	const source = loading.read(file, path.at);
	if (!source) return [];
	const base = dirname(file);
	if (file.endsWith(".jsonl")) {
		if (source.parts.length === 0 && source.diagnostics.length === 0)
			loading.report(finding(testsEmpty, { reason: `${path.raw} contains no test` }, path.at));
		return source.parts.map((part) => ({ part, base }));
	}
	const root = source.parts[0];
	if (!root || root.value === undefined) return [];
	const list = Array.isArray(root.value) ? root : child(root, "tests");
	if (!Array.isArray(list.value)) {
		if (source.diagnostics.length === 0)
			loading.shape({ file, path: [] }, "tests", "expected a list of tests, or a mapping with `tests`");
		return [];
	}
	return testsOfList(list, base, loading, [...trail, file]);
}
