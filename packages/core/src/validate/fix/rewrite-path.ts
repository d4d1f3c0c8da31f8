import { dirname } from "node:path";
import type { Place } from "../../base/diagnostic.ts";
import { parseCommand } from "../../model/command.ts";
import type { EvalContext } from "../eval-context.ts";
import { relativePath, writtenText } from "../path-references.ts";
import type { Change } from "./change.ts";
import { replaceWord } from "./replace-word.ts";

/**
 * The change that makes the path `raw`, written at `at`, lead to `resolved` from the directory of its own file. None where
 * the path is not there as plain text: a variable is part of it, or an alias or merge brings it from elsewhere.
 */
export function rewritePath(at: Place, raw: string, resolved: string, context: EvalContext): Change[] {
	const written = writtenText(at, context);
	if (written === undefined) return [];
	const reference = context.references.files.find((one) => one.at === at && one.raw === raw);
	if (reference?.glob) return [];
	const path = relativePath(reference?.command?.cwd ? reference.base : dirname(at.file), resolved);
	const kept = raw.endsWith("/") && !path.endsWith("/") ? `${path}/` : path;
	const value = replaced(written, raw, raw.startsWith("file://") ? `file://${kept}` : kept, reference?.word?.index);
	return value === undefined ? [] : [{ kind: "value", at, value, says: `${raw} → ${kept}` }];
}

function replaced(written: string, raw: string, path: string, word: number | undefined): string | undefined {
	if (written === raw) return path;
	if (word === undefined) {
		// An extension: the path, then `:` and the name of its export.
		return written.startsWith(`${raw}:`) ? `${path}${written.slice(raw.length)}` : undefined;
	}
	const parsed = parseCommand(written);
	const found = parsed.kind === "argv" ? parsed.words[word] : undefined;
	if (!found) return undefined;
	if (found.text === raw) return replaceWord(written, found, path);
	// With backslashes that Windows alone would read.
	return written.slice(...found.range) === raw ? replaceWord(written, { ...found, quoted: false }, path) : undefined;
}
