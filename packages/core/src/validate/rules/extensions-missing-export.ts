import { nearestName } from "../../base/nearest.ts";
import { moduleExports } from "../../model/module-exports.ts";
import { extensionModules } from "../extension-modules.ts";
import { rule } from "../rule.ts";

interface Data {
	readonly module: string;
	readonly name: string;
	readonly nearest?: string;
}

export const extensionsMissingExport = rule<Data>({
	id: "extensions.missing-export",
	group: "extensions",
	severity: "error",
	summary: "an extension whose module has no export of the hook's name",
	docs: {
		why: "The function cannot be called, so every test that it prepares fails.",
		bad: `extensions:
  - file://scripts/setup.mjs:beforeAll   # the module exports \`setup\``,
		good: `extensions:
  - file://scripts/setup.mjs:beforeAll   # export async function beforeAll(context) { … }`,
		mend: "Export a function of that name (`beforeAll`, `beforeEach`, `afterEach` or `afterAll`) from the module, or correct the entry.",
	},
	message: ({ module, name }) => `${module} has no export "${name}"`,
	hint: ({ nearest, name }) =>
		nearest === undefined ? `add \`export async function ${name}(context) { … }\`` : `it exports "${nearest}"`,
	*check(context) {
		for (const { extension, text, file } of extensionModules(context)) {
			if (!/\.[cm]?[jt]sx?$/.test(file)) continue;
			const names = moduleExports(text);
			if (!names || names.has(extension.exportName)) continue;
			const nearest = nearestName(extension.exportName, [...names]);
			const data = { module: extension.module.raw, name: extension.exportName };
			yield { data: { ...data, ...(nearest === undefined ? {} : { nearest }) }, at: extension.at };
		}
	},
});
