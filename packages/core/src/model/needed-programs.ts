import { isAbsolute } from "node:path";
import type { ProviderName } from "../schema/target-file.ts";
import { programEndings } from "./custom-grader.ts";
import type { References } from "./reference.ts";
import type { ResolvedTarget } from "./resolve-target.ts";

/** Command lines of agents, for targets without their own. */
export const agentPrograms: Partial<Readonly<Record<ProviderName, string>>> = {
	claude: "claude",
	codex: "codex",
	"copilot-cli": "copilot",
	"pi-cli": "pi",
};

/** Either one runs TypeScript. */
export const typeScriptRunners = "bun or tsx";

const interpreters: Readonly<Record<(typeof programEndings)[number], string>> = {
	mjs: "node",
	js: "node",
	ts: typeScriptRunners,
	py: "python3",
	sh: "sh",
};

/** Returns names or absolute paths of the programs that an eval runs. */
export function neededPrograms(references: References, targets: readonly ResolvedTarget[]): Set<string> {
	const programs = new Set<string>(references.executables.map(({ name }) => name));
	for (const { kind, resolved, word } of references.files) {
		const ending = programEndings.find((candidate) => resolved.endsWith(`.${candidate}`));
		if ((kind === "custom-grader" || kind === "extension") && ending) programs.add(interpreters[ending]);
		if (word?.index === 0 && isAbsolute(word.text)) programs.add(word.text);
	}
	for (const { provider, settings } of targets) {
		const named = "executable" in settings ? settings.executable : undefined;
		const program = named ?? agentPrograms[provider];
		if (program !== undefined) programs.add(program);
	}
	return programs;
}
