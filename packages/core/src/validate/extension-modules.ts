import { AgentvError } from "../base/agentv-error.ts";
import type { Extension } from "../model/eval-types.ts";
import type { EvalContext } from "./eval-context.ts";

export interface ExtensionModule {
	readonly extension: Extract<Extension, { kind: "module" }>;
	/** Absolute path of the module. */
	readonly file: string;
	readonly text: string;
}

/** The modules of an eval's extensions that can be read. */
export function extensionModules({ loaded, references, run }: EvalContext): ExtensionModule[] {
	const suites = new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	const extensions = [...suites].flatMap((suite) => suite.extensions);
	return extensions.flatMap((extension): ExtensionModule[] => {
		if (extension.kind !== "module") return [];
		const reference = references.files.find(({ kind, at }) => kind === "extension" && at === extension.module.at);
		if (reference?.onDisk !== "file") return [];
		try {
			return [{ extension, file: reference.resolved, text: run.view.readText(reference.resolved) }];
		} catch (error) {
			// A file that is no text (or may not be read) is reported when it is run.
			if (error instanceof AgentvError) return [];
			throw error;
		}
	});
}
