import { basename, dirname, relative } from "node:path";
import { isInside } from "../io/files/path-inside.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { commonDirectory, toBundlePath } from "./layout.ts";

/** Where an eval file stands in the source and in the bundle. */
export interface SuitePlace {
	readonly file: string;
	/** Directory of the source that `bundleDirectory` stands for: relative paths below it stay as they are. */
	readonly directory: string;
	/** "" for the bundle itself. */
	readonly bundleDirectory: string;
	readonly bundleFile: string;
}

/** A place for the eval (`eval.yaml`) and for each suite it imports, by source file. Suites never look like evals of their own. */
export function suitePlaces(loaded: LoadedEval): ReadonlyMap<string, SuitePlace> {
	const { directory } = loaded.scope;
	const places = new Map<string, SuitePlace>([
		[loaded.file, { file: loaded.file, directory, bundleDirectory: "", bundleFile: "eval.yaml" }],
	]);
	const imported = [...new Set(loaded.files.filter(({ kind }) => kind === "suite").map(({ resolved }) => resolved))];
	const outside = commonDirectory(
		imported.map((file) => dirname(file)).filter((parent) => !isInside(directory, parent)),
	);
	const names = new Set<string>();
	for (const file of imported) {
		if (places.has(file)) continue;
		const parent = dirname(file);
		const bundleDirectory = isInside(directory, parent)
			? toBundlePath(relative(directory, parent))
			: toBundlePath("suites", relative(outside ?? parent, parent));
		const stem =
			basename(file)
				.replace(/\.(ya?ml|jsonl?)$/i, "")
				.replace(/\.?eval$/i, "") || "eval";
		let bundleFile = toBundlePath(bundleDirectory, `${stem}.suite.yaml`);
		for (let count = 2; names.has(bundleFile); count++)
			bundleFile = toBundlePath(bundleDirectory, `${stem}-${count}.suite.yaml`);
		names.add(bundleFile);
		places.set(file, { file, directory: parent, bundleDirectory, bundleFile });
	}
	return places;
}
