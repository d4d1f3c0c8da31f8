import { isAbsolute } from "node:path";
import { programEndings } from "../model/custom-grader.ts";
import type { References } from "../model/reference.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { BundleManifest } from "../schema/bundle-manifest.ts";
import type { ProviderName } from "../schema/target-file.ts";
import type { GatheredSources } from "./gather-sources.ts";

/** Agents' own command lines, where a target names no other. */
const agentPrograms: Partial<Readonly<Record<ProviderName, string>>> = {
	claude: "claude",
	codex: "codex",
	"copilot-cli": "copilot",
	"pi-cli": "pi",
};

const interpreters: Readonly<Record<(typeof programEndings)[number], string>> = {
	mjs: "node",
	js: "node",
	ts: "bun or tsx",
	py: "python3",
	sh: "sh",
};

/** What must be installed where the bundle runs: programs by name, and npm packages that its scripts import. */
export function requirements(
	references: References,
	gathered: GatheredSources,
	targets: readonly ResolvedTarget[],
	usesGit: boolean,
): BundleManifest["requires"] {
	const executables = new Set<string>(references.executables.map(({ name }) => name));
	for (const program of gathered.programs) executables.add(program);
	for (const { kind, resolved, word } of references.files) {
		const ending = programEndings.find((candidate) => resolved.endsWith(`.${candidate}`));
		if ((kind === "custom-grader" || kind === "extension") && ending) executables.add(interpreters[ending]);
		if (word?.index === 0 && isAbsolute(word.text)) executables.add(word.text);
	}
	for (const { provider, settings } of targets) {
		const named = "executable" in settings ? settings.executable : undefined;
		const program = named ?? agentPrograms[provider];
		if (program !== undefined) executables.add(program);
	}
	if (usesGit) executables.add("git");
	return { packages: [...gathered.packages], executables: [...executables].sort() };
}
