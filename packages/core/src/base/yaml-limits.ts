import { Composer, type CST, type Document, Lexer, type ParsedNode, Parser, type YAMLError } from "yaml";
import type { FindingKind } from "./diagnostic.ts";

/** Limits for a YAML text. */
export interface YamlLimits {
	/** Size in UTF-8 bytes. */
	readonly bytes: number;
	/** Nesting of collections, with aliases expanded. */
	readonly depth: number;
	/** Number of nodes with every alias and merge key expanded. */
	readonly nodes: number;
}

/** The limits for every YAML file that AgentV reads. */
export const yamlLimits: YamlLimits = {
	bytes: 10_000_000,
	depth: 100,
	nodes: 1_000_000,
};

export const yamlLimit: FindingKind<{
	limit: keyof YamlLimits;
	allowed: number;
}> = {
	rule: "yaml.limits",
	severity: "error",
	message: ({ limit, allowed }) => {
		const most = allowed.toLocaleString("en-US");
		if (limit === "bytes") return `The file is larger than ${most} bytes`;
		if (limit === "depth") return `The file nests values more than ${most} levels deep`;
		return `The file contains more than ${most} values once its aliases are expanded`;
	},
	hint: ({ limit }) =>
		limit === "nodes" ? "Use fewer aliases of large anchors, or split the file" : "Split the file into smaller ones",
};

/** How many more characters references may insert. Anything beyond that stays as written. */
export interface TextBudget {
	left: number;
}

/** UTF-16 units that `${{ }}` may insert into one file, and `{{ }}` into an eval's tests. */
export const mostInserted = 50_000_000;

/** What `${{ }}` may insert into a path, URL or name; in UTF-16 units. */
export const mostInField = 10_000;

export const textLimit: FindingKind<{ allowed: number }> = {
	rule: "yaml.limits",
	severity: "error",
	message: ({ allowed }) => `References insert more than ${allowed.toLocaleString("en-US")} characters`,
	hint: () => "Reference the large text in fewer places, or move it to a workspace file",
};

/** Encodes the text only if its length doesn't decide the result. */
export function exceedsBytes(text: string, bytes: number): boolean {
	if (text.length > bytes) return true;
	return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}

export type ParsedDocument = Document.Parsed<ParsedNode, true>;

/** Errors after which parsing stops: each takes memory, and the first ones are enough. */
export const mostErrors = 100;

class TooManyErrors extends Error {}

/** Stops composing at `mostErrors`; the composer has no such limit. */
function limitErrors(composer: Composer): void {
	const inner = composer as unknown as { onError: (...args: unknown[]) => void };
	const report = inner.onError;
	let count = 0;
	inner.onError = (...args) => {
		count += 1;
		if (count > mostErrors) throw new TooManyErrors();
		report(...args);
	};
}

/**
 * Returns the documents of `text`, or the offset where it nests more than `depth` levels deep, or
 * the errors if there are too many to continue.
 */
export function composeWithin(
	text: string,
	depth: number,
): ParsedDocument[] | { readonly tooDeepAt: number } | { readonly errors: readonly YAMLError[] } {
	const parser = new Parser();
	// The parser counts a byte order mark as indentation, and then rejects a list at the start of the
	// file.
	const mark = text.startsWith("\uFEFF") ? 1 : 0;
	parser.offset = mark;
	const tokens: CST.Token[] = [];
	// Check nesting while tokens come in: composing a text that is far too deep would overflow the
	// stack. Below the collections the parser's stack contains the document, above them at most one
	// scalar.
	const deepest = depth + 2;
	let errors = 0;
	for (const lexeme of new Lexer().lex(text.slice(mark))) {
		for (const token of parser.next(lexeme)) {
			tokens.push(token);
			if (token.type === "error") errors += 1;
		}
		if (parser.stack.length > deepest) return { tooDeepAt: parser.offset };
		if (errors > mostErrors) break;
	}
	if (errors <= mostErrors) for (const token of parser.end()) tokens.push(token);
	// `readValue` detects duplicate keys without a search for each key.
	const composer = new Composer({
		// Ignore a `%YAML 1.1` line or a `!!timestamp` tag: all files use one schema.
		schema: "core",
		merge: false,
		resolveKnownTags: false,
		uniqueKeys: false,
		keepSourceTokens: false,
	});
	limitErrors(composer);
	try {
		return [...composer.compose(tokens, true, text.length)] as ParsedDocument[];
	} catch (error) {
		if (!(error instanceof TooManyErrors)) throw error;
		return { errors: (composer as unknown as { readonly errors: readonly YAMLError[] }).errors };
	}
}
