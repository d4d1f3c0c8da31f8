import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { spellingOf } from "../base/json-scan.ts";
import { readJson } from "../base/read-json.ts";
import { createDigest } from "../io/files/digest-tree.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { type BundleFile, type BundleManifest, bundleManifestSchema } from "../schema/bundle-manifest.ts";
import { shapeIssues } from "../schema/shape-issues.ts";
import { renderFileEntry } from "./bundle-digest.ts";

export const manifestName = "manifest.json";

/** A bundle of 50,000 files has a manifest of some 15 MB. */
const largestManifest = 512 * 1024 * 1024;

/**
 * Reads the manifest of the bundle at `directory`.
 * @throws AgentvError `not-found` if there is no bundle, `config` if the manifest is unreadable
 */
export function readManifest(directory: string): BundleManifest {
	return readManifestText(directory).manifest;
}

/** Reads the manifest and its text. @throws AgentvError as `readManifest` */
export function readManifestText(directory: string): { readonly text: string; readonly manifest: BundleManifest } {
	const text = manifestText(directory);
	return { text, manifest: parseManifest(text, join(directory, manifestName)) };
}

/** Reads the text of the manifest. @throws AgentvError `not-found` if there is no bundle */
export function manifestText(directory: string): string {
	const file = join(directory, manifestName);
	if (targetKind(file) !== "file") {
		throw new AgentvError("not-found", `${directory} is not a bundle: it has no ${manifestName}`, {
			hint: "`agentv bundle <eval> --output <dir>` creates one",
		});
	}
	return readTextFile(file, { maxBytes: largestManifest });
}

/** Parses the text of a manifest; `file` names it in errors. */
export function parseManifest(text: string, file: string): BundleManifest {
	const read = readJson(text);
	if (!("value" in read)) throw new AgentvError("config", `${file} is damaged: it is not valid JSON: ${read.reason}`);
	const parsed = bundleManifestSchema.safeParse(read.value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, read.value);
	const place = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
	throw new AgentvError("config", `${file} is damaged: ${place}${first?.message ?? "it has an unexpected shape"}`);
}

/**
 * Returns whether `directory` is an existing bundle that may be replaced, including damaged ones.
 * Stricter than `isBundle`: the manifest must contain fields that only bundles have.
 */
export function isBundleDirectory(directory: string): boolean {
	if (targetKind(join(directory, manifestName)) !== "file" || targetKind(join(directory, "eval.yaml")) !== "file")
		return false;
	const text = readTextFile(join(directory, manifestName), { maxBytes: largestManifest });
	return text.includes('"format_version"') && text.includes('"files_digest"');
}

/** Returns the manifest as written, without its own digest. */
function wireManifest(manifest: BundleManifest): Record<string, unknown> {
	return {
		format_version: manifest.formatVersion,
		agentv_version: manifest.agentvVersion,
		created_at: manifest.createdAt,
		source: manifest.source,
		flags: manifest.flags,
		files: manifest.files,
		...(manifest.emptyDirectories ? { empty_directories: manifest.emptyDirectories } : {}),
		variables: manifest.variables.map(({ name, usedIn, captured, required }) => {
			return { name, used_in: usedIn, captured, required };
		}),
		targets: manifest.targets.map(({ name, via }) => {
			return { name, via: via.map((hop) => ({ name: hop.name, chosen_by: hop.chosenBy })) };
		}),
		repos: manifest.repos,
		requires: manifest.requires,
		files_digest: manifest.filesDigest,
		digest: manifest.digest,
	};
}

/** Fields with many values, one per line. */
const lists: ReadonlySet<string> = new Set(["files", "empty_directories", "variables", "targets", "repos"]);

/** Yields the manifest's text in chunks, one line per file: it is never in memory as a whole. */
export function* renderManifest(manifest: BundleManifest): Generator<string> {
	const wire = wireManifest(manifest);
	yield* renderWire(wire, manifestDigest(wire), renderFile);
}

/** `manifest_sha256` is always the last key. */
function* renderWire(
	wire: Readonly<Record<string, unknown>>,
	digest: unknown,
	fileEntry: (file: unknown) => string,
): Generator<string> {
	yield "{\n";
	for (const [key, value] of Object.entries(wire)) {
		if (!lists.has(key))
			yield `\t${JSON.stringify(key)}: ${JSON.stringify(value, null, "\t").replaceAll("\n", "\n\t")},\n`;
		else yield* rows(key, value as readonly unknown[], key === "files" ? fileEntry : (row) => JSON.stringify(row));
	}
	yield `\t"manifest_sha256": ${JSON.stringify(digest)}\n}\n`;
}

function renderFile(file: unknown): string {
	return renderFileEntry(file as BundleFile);
}

function* rows(key: string, values: readonly unknown[], render: (row: unknown) => string): Generator<string> {
	if (values.length === 0) {
		yield `\t${JSON.stringify(key)}: [],\n`;
		return;
	}
	yield `\t${JSON.stringify(key)}: [\n`;
	for (const [index, value] of values.entries())
		yield `\t\t${render(value)}${index === values.length - 1 ? "" : ","}\n`;
	yield "\t],\n";
}

/** Covers the canonical JSON as written, unknown keys included. */
function manifestDigest({ manifest_sha256: _, ...wire }: Readonly<Record<string, unknown>>): string {
	const digest = createDigest();
	for (const [index, key] of Object.keys(wire).sort().entries()) {
		digest.update(`${index === 0 ? "{" : ","}${JSON.stringify(key)}:`);
		const value = wire[key];
		if (!Array.isArray(value)) digest.update(canonicalJson(value));
		else {
			for (const [position, item] of value.entries())
				digest.update(`${position === 0 ? "[" : ","}${canonicalJson(plain(item))}`);
			digest.update(value.length === 0 ? "[]" : "]");
		}
	}
	digest.update("}");
	return digest.hex();
}

/** While a bundle is written, its files compute some fields lazily. */
function plain(item: unknown): unknown {
	return item instanceof Object && Object.getPrototypeOf(item) !== Object.prototype && !Array.isArray(item)
		? JSON.parse(renderFile(item))
		: item;
}

/** Returns the problems of a manifest's text, each as a sentence about `it`. */
export function manifestTextProblems(text: string, manifest: BundleManifest): string[] {
	const value = JSON.parse(text) as Record<string, unknown>;
	const twice = isRendered(text, manifest) ? undefined : spellingOf(text).duplicate;
	if (twice) return [`it has the key ${JSON.stringify(twice.key)} twice`];
	if (value.manifest_sha256 === undefined)
		return ["it has no manifest_sha256, which covers all of it: an earlier version wrote it, or it was removed"];
	if (value.manifest_sha256 !== manifestDigest(value)) return ["its content was changed"];
	return isRendered(text, manifest) || isRenderedValue(text, value) ? [] : ["its text is not as AgentV wrote it"];
}

function isRendered(text: string, manifest: BundleManifest): boolean {
	return isMadeOf(text, renderManifest(manifest));
}

/** Also accepts manifests of a later version with more keys. */
function isRenderedValue(
	text: string,
	{ manifest_sha256: digest, ...wire }: Readonly<Record<string, unknown>>,
): boolean {
	return isMadeOf(
		text,
		renderWire(wire, digest, (file) => JSON.stringify(file)),
	);
}

function isMadeOf(text: string, pieces: Iterable<string>): boolean {
	let at = 0;
	for (const piece of pieces) {
		if (!text.startsWith(piece, at)) return false;
		at += piece.length;
	}
	return at === text.length;
}
