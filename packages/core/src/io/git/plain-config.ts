import { readTextFile } from "../files/read-text.ts";

/** What git itself writes into the configuration of a clone; none of it runs a program or leads elsewhere. */
const harmless =
	/^(core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol)|remote\.origin\.(url|fetch|tagopt|promisor|partialclonefilter)|branch\..*\.(remote|merge)|extensions\.(partialclone|objectformat)|agentv\..*|user\.(name|email)|(advice|gui|pull)\..*)$/;

/**
 * The settings of a repository's configuration file, the last of each key, when it holds nothing but what git itself writes into a
 * clone; undefined when it holds anything else, or a spelling that git should be asked about.
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
