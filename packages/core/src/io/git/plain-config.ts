import { readTextFile } from "../files/read-text.ts";

/** Keys that git writes into clones; none runs a program or redirects git. */
const harmless =
	/^(core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol)|remote\.origin\.(url|fetch|tagopt|promisor|partialclonefilter)|branch\..*\.(remote|merge)|extensions\.(partialclone|objectformat)|agentv\..*|user\.(name|email)|(advice|gui|pull)\..*)$/;

/**
 * Returns a repository's settings, the last of each key, if the file has only what git itself
 * writes into a clone; undefined if it has anything else, or syntax that only git should parse.
 */
export function readPlainConfig(file: string): ReadonlyMap<string, string> | undefined {
	const settings = new Map<string, string>();
	let section = "";
	for (const line of readTextFile(file, { maxBytes: 1_000_000 }).split("\n")) {
		const text = line.trim();
		if (text === "" || text.startsWith("#") || text.startsWith(";")) continue;
		const header = /^\[([A-Za-z0-9-]+)(?: "([^"\\]*)")?\]$/.exec(text);
		if (header) {
			section = (header[1] ?? "").toLowerCase() + (header[2] === undefined ? "" : `.${header[2]}`);
			continue;
		}
		const setting = /^([A-Za-z][A-Za-z0-9-]*)\s*=((?:[^"\\#;])*)$/.exec(text);
		if (!setting) return undefined;
		const key = `${section}.${(setting[1] ?? "").toLowerCase()}`;
		if (!harmless.test(key)) return undefined;
		settings.set(key, (setting[2] ?? "").trimStart());
	}
	return settings;
}
