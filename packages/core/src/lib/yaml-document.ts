import { isScalar, type ParsedNode, type YAMLError } from "yaml";
import { LineIndex, type SourcePosition, type SourceRange } from "./code-frame.ts";
import { type Diagnostic, type DocumentPath, type FindingKind, finding, hasErrors, type Place } from "./errors.ts";
import type { OffsetRange } from "./template-text.ts";
import { findNode, type LocatedNode, rangeOf } from "./yaml-locate.ts";
import {
	type AliasTargets,
	composeWithin,
	exceedsBytes,
	type ParsedDocument,
	readValue,
	type YamlLimits,
	type YamlProblem,
	yamlLimit,
	yamlLimits,
} from "./yaml-value.ts";

export type { SourceRange } from "./code-frame.ts";

export const yamlSyntax: FindingKind<{ reason: string }> = {
	rule: "yaml.syntax",
	severity: "error",
	message: ({ reason }) => reason,
};

/** A parsed YAML (or JSON) text: its plain value, errors, and locations. */
export class YamlDocument {
	readonly file: string;
	readonly text: string;
	/** Anchors and merge keys resolved. Undefined if the text has errors; null if it is empty. */
	readonly value: unknown;
	readonly diagnostics: readonly Diagnostic[];
	/** The parsed tree, for patches; null if the text is empty or could not be parsed. */
	readonly root: ParsedNode | null;
	readonly #targets: AliasTargets;
	readonly #lines: LineIndex;

	/** Use `parseYaml`. */
	constructor(file: string, text: string, parsed: ParsedText) {
		this.file = file;
		this.text = text;
		this.root = parsed.root;
		this.diagnostics = parsed.diagnostics;
		this.value = hasErrors(parsed.diagnostics) ? undefined : parsed.value;
		this.#targets = parsed.targets;
		this.#lines = new LineIndex(text);
	}

	/** Returns the range of the deepest existing part of `path`. */
	locate(path: DocumentPath, part: "key" | "value" = "value"): SourceRange {
		return this.#lines.range(...this.offsetsOf(path, part));
	}

	/** Returns the lines and columns of `place`. */
	range(place: Pick<Place, "path" | "part" | "range" | "line">): SourceRange {
		return this.#lines.range(...(place.range ?? this.offsetsOf(place.path ?? [], place.part)));
	}

	/** Returns the UTF-16 offsets of the value (or key) at `path`, without anchors and tags. */
	offsetsOf(path: DocumentPath, part: "key" | "value" = "value"): OffsetRange {
		return rangeOf(this.find(path), part);
	}

	positionAt(offset: number): SourcePosition {
		return this.#lines.positionAt(offset);
	}

	/** Returns the scalar at `path` as written, quotes and escapes resolved: `007`. */
	sourceText(path: DocumentPath): string | undefined {
		const { node, found } = this.find(path);
		return found === path.length && isScalar(node) ? node.source : undefined;
	}

	/** Returns the nodes at `path`, for patches. */
	find(path: DocumentPath): LocatedNode {
		return findNode(this.root, path, this.#targets);
	}
}

interface ParsedText {
	readonly value: unknown;
	readonly root: ParsedNode | null;
	readonly targets: AliasTargets;
	readonly diagnostics: readonly Diagnostic[];
}

/**
 * Parses `text` (YAML 1.2 with merge keys; JSON is a subset) of the file named `file`.
 * Never throws: errors become `yaml.syntax` and `yaml.limits` diagnostics, and the value is
 * undefined.
 */
export function parseYaml(text: string, file: string, limits: YamlLimits = yamlLimits): YamlDocument {
	return new YamlDocument(file, text, parseText(text, file, limits));
}

function parseText(text: string, file: string, limits: YamlLimits): ParsedText {
	const refused = (limit: keyof YamlLimits, range: OffsetRange) => ({
		...{ value: undefined, root: null, targets: new Map() },
		diagnostics: [finding(yamlLimit, { limit, allowed: limits[limit] }, { file, range })],
	});
	if (exceedsBytes(text, limits.bytes)) return refused("bytes", [0, 0]);
	const documents = composeWithin(text, limits.depth);
	if ("tooDeepAt" in documents) return refused("depth", [documents.tooDeepAt, documents.tooDeepAt]);
	if ("errors" in documents) {
		const shown = withoutEchoes(documents.errors).map((error) => parserFinding(error, file));
		return { value: undefined, root: null, targets: new Map(), diagnostics: shown };
	}
	const diagnostics = [...parserFindings(documents, file)];
	const root = documents[0]?.contents ?? null;
	const { value, problems, targets } = readValue(root, limits);
	for (const problem of problems) diagnostics.push(problemFinding(problem, file, limits));
	return { value, root, targets, diagnostics };
}

function* parserFindings(documents: readonly ParsedDocument[], file: string): Generator<Diagnostic> {
	const [first, second] = documents;
	for (const error of withoutEchoes(first?.errors ?? [])) yield parserFinding(error, file);
	for (const warning of first?.warnings ?? []) yield { ...parserFinding(warning, file), severity: "warning" };
	if (second !== undefined) {
		const reason = "The file contains several documents; only one is supported";
		yield finding(yamlSyntax, { reason }, { file, range: [second.range[0], second.range[0]] });
	}
}

/** Once the parser is confused, every further token is unexpected: keep the first error only. */
function withoutEchoes(errors: readonly YAMLError[]): YAMLError[] {
	return errors.filter(({ code }, index) => index === 0 || code !== "UNEXPECTED_TOKEN");
}

function parserFinding(error: YAMLError, file: string): Diagnostic {
	return finding(yamlSyntax, { reason: error.message }, { file, range: [error.pos[0], error.pos[1]] });
}

function problemFinding(problem: YamlProblem, file: string, limits: YamlLimits): Diagnostic {
	const at = { file, range: problem.range };
	if (problem.kind === "syntax") return finding(yamlSyntax, { reason: problem.reason }, at);
	return finding(yamlLimit, { limit: problem.limit, allowed: limits[problem.limit] }, at);
}
