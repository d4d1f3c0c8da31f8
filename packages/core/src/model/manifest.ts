import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { type BundleManifest, bundleManifestSchema } from "../schema/bundle-manifest.ts";
import { shapeIssues } from "../schema/shape-issues.ts";
import { renderFileEntry } from "./bundle-digest.ts";

export const manifestName = "manifest.json";

/** A bundle of 50,000 files has a manifest of some 15 MB. */
const largestManifest = 512 * 1024 * 1024;

/**
 * Reads the manifest of the bundle at `directory`.
 * @throws AgentvError `not-found` where there is no bundle, `config` where the manifest can't be read
 */
export function readManifest(directory: string): BundleManifest {
	return parseManifest(readManifestText(directory), join(directory, manifestName));
}

/**
 * Reads the text of the manifest of the bundle at `directory`.
 * @throws AgentvError `not-found` if there is no bundle
 */
export function readManifestText(directory: string): string {
	const file = join(directory, manifestName);
	if (targetKind(file) !== "file") {
		throw new AgentvError("not-found", `${directory} is no bundle: it has no ${manifestName}`, {
			hint: "`agentv bundle <eval> --output <dir>` makes one",
		});
	}
	return readTextFile(file, { maxBytes: largestManifest });
}

/** Parses the text of a manifest; `file` names it in errors. */
export function parseManifest(text: string, file: string): BundleManifest {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw new AgentvError("config", `${file} is damaged: it is no JSON`, { cause: error });
	}
	const parsed = bundleManifestSchema.safeParse(value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, value);
	const place = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
	throw new AgentvError("config", `${file} is damaged: ${place}${first?.message ?? "it has another shape"}`);
}

/** Whether `directory` looks like a bundle, damaged ones included. */
export function isBundleDirectory(directory: string): boolean {
	if (targetKind(join(directory, manifestName)) !== "file" || targetKind(join(directory, "eval.yaml")) !== "file")
		return false;
	const text = readTextFile(join(directory, manifestName), { maxBytes: largestManifest });
	return text.includes('"format_version"') && text.includes('"files_digest"');
}

/** The manifest's text, piece by piece, one line a file: it never stands in memory whole. */
export function* renderManifest(manifest: BundleManifest): Generator<string> {
	const { source, requires } = manifest;
	yield "{\n";
	yield field("format_version", manifest.formatVersion);
	yield field("agentv_version", manifest.agentvVersion);
	yield field("created_at", manifest.createdAt);
	yield field("source", source);
	yield field("flags", manifest.flags);
	yield* rows("files", manifest.files, renderFileEntry);
	yield* rows("variables", manifest.variables, ({ name, usedIn, captured, required }) =>
		JSON.stringify({ name, used_in: usedIn, captured, required }),
	);
	yield* rows("targets", manifest.targets, ({ name, via }) =>
		JSON.stringify({ name, via: via.map((hop) => ({ name: hop.name, chosen_by: hop.chosenBy })) }),
	);
	yield* rows("repos", manifest.repos, (repo) => JSON.stringify(repo));
	yield field("requires", requires);
	yield field("files_digest", manifest.filesDigest);
	yield `\t"digest": ${JSON.stringify(manifest.digest)}\n}\n`;
}

function field(key: string, value: unknown): string {
	return `\t${JSON.stringify(key)}: ${JSON.stringify(value, null, "\t").replaceAll("\n", "\n\t")},\n`;
}

function* rows<Row>(key: string, values: readonly Row[], render: (row: Row) => string): Generator<string> {
	if (values.length === 0) {
		yield `\t${JSON.stringify(key)}: [],\n`;
		return;
	}
	yield `\t${JSON.stringify(key)}: [\n`;
	for (const [index, value] of values.entries())
		yield `\t\t${render(value)}${index === values.length - 1 ? "" : ","}\n`;
	yield "\t],\n";
}
