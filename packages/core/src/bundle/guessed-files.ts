import { resolve } from "node:path";
import { type CommandSpec, fileOfWord, parseAsRun, shellScriptIndex } from "../model/command.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { ReferenceKind } from "../model/reference.ts";

/**
 * Files that a command may use although nothing says so: words of a shell text and values of options (`--config=./x.json`)
 * that name a file in the directory where it runs. Copied for safety; the command's text stays as it is.
 */
export function guessedFiles(
	command: CommandSpec,
	kind: ReferenceKind,
	directory: string,
	view: DiskView,
): readonly string[] {
	const parsed = parseAsRun(command);
	const script = parsed.kind === "argv" ? shellScriptIndex(parsed.words.map(({ text }) => text)) : undefined;
	const words =
		parsed.kind === "shell"
			? shellWords(parsed.text)
			: parsed.words.flatMap(({ text, index }) => {
					if (index === script) return shellWords(text);
					if (fileOfWord(text, command, view) !== undefined) return [];
					if (text.startsWith("-")) return /^--?[\w-]+=(.+)$/.exec(text)?.[1] ?? [];
					// Of a target without a working directory, bare names are found where the eval is.
					return kind === "target-command" && !command.cwd && index > 0 ? [text] : [];
				});
	const named = words.filter((word) => /[./]/.test(word) && !/^[./]*$/.test(word) && !word.startsWith("/"));
	return [...new Set(named.map((word) => resolve(directory, word)))].filter((path) => view.kind(path) === "file");
}

function shellWords(text: string): string[] {
	return [...text.matchAll(/[\w./@+-]+/g)].map((match) => match[0]);
}
