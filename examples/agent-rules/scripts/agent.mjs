// A mock agent: prints where its rules are, and the contents of its skills.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";

const { agent_rules_paths: rules } = JSON.parse(process.env.AGENTV_PROVIDER_CONTEXT);
for (const [kind, paths] of Object.entries(rules)) {
	for (const path of paths) console.log(`${kind}: ${relative(process.cwd(), path)}`);
}
for (const path of rules.skills) {
	const skills = existsSync(join(path, "SKILL.md")) ? [path] : readdirSync(path).map((name) => join(path, name));
	for (const skill of skills) {
		const text = readFileSync(join(skill, "SKILL.md"), "utf8");
		console.log(`${basename(skill)}: ${text.split("---\n").at(-1).trim()}`);
	}
}
