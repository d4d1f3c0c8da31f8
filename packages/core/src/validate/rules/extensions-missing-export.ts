import { nearestName } from "../../base/nearest.ts";
import { moduleExports, pythonNames } from "../../model/module-exports.ts";
import { extensionModules } from "../extension-modules.ts";
import { rule } from "../rule.ts";

interface Data {
	readonly module: string;
	readonly name: string;
	readonly nearest?: string;
	readonly isPython?: true;
}

export const extensionsMissingExport = rule<Data>({
	id: "extensions.missing-export",
	group: "extensions",
	severity: "error",
	summary: "an extension whose module has no export of the hook's name",
	docs: {
		why: "The function can't be called, so every test that needs it fails.",
		bad: `extensions:
  - file://scripts/setup.mjs:beforeAll   # the module exports \`setup\``,
		good: `extensions:
  - file://scripts/setup.mjs:beforeAll   # export async function beforeAll(context) { … }`,
		mend: "Export a function of that name (`beforeAll`, `beforeEach`, `afterEach` or `afterAll`) from the module, or fix the entry.",
	},
	message: ({ module, name, isPython }) => `${module} has no ${isPython ? "function" : "export"} "${name}"`,
	hint: ({ nearest, name, isPython }) => {
		if (nearest !== undefined) return `it ${isPython ? "has" : "exports"} "${nearest}"`;
		return `add \`${isPython ? `def ${name}(context):` : `export async function ${name}(context) { … }`}\``;
	},
	*check(context) {
		for (const { extension, text, file } of extensionModules(context)) {
			const isPython = file.endsWith(".py");
			if (!isPython && !/\.[cm]?[jt]sx?$/.test(file)) continue;
			const names = isPython ? pythonNames(text) : moduleExports(text);
			if (!names || names.has(extension.exportName)) continue;
			const nearest = nearestName(extension.exportName, [...names]);
			const data = { module: extension.module.raw, name: extension.exportName, ...(isPython ? { isPython } : {}) };
			yield { data: { ...data, ...(nearest === undefined ? {} : { nearest }) }, at: extension.at };
		}
	},
});
