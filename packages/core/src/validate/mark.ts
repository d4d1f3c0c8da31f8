import type { Place } from "../base/diagnostic.ts";
import type { SourceRange } from "../base/yaml-document.ts";
import type { Source } from "../model/source.ts";
import type { EvalContext } from "./eval-context.ts";
import { writtenText } from "./path-references.ts";

/**
 * The stretch of a value that a finding means, where that is one part of a longer text (a word of a command, a variable in a
 * sentence): its first occurrence in the source. The whole range where it isn't found, or is all there is.
 */
export function narrowed(range: SourceRange, mark: unknown, source: Source, at: Place): SourceRange {
	if (typeof mark !== "string" || mark === "") return range;
	const { offset } = range.start;
	const written = source.text.slice(offset, range.end.offset);
	const start = written.indexOf(mark);
	if (start < 0 || written.replace(/^["']|["']$/g, "") === mark) return range;
	return source.locate({ ...at, range: [offset + start, offset + start + mark.length] }) ?? range;
}

/** `${{ NAME … }}` as it is written at a place: the mark of a finding about that variable. */
export function variableMark(name: string, at: Place, context: EvalContext): { readonly mark?: string } {
	const found = new RegExp(`\\$\\{\\{\\s*${name}\\b[^}]{0,500}\\}\\}`).exec(writtenText(at, context) ?? "");
	return found ? { mark: found[0] } : {};
}
