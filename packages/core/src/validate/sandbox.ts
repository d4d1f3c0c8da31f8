import { AgentvError } from "../base/agentv-error.ts";
import { listTree } from "../io/files/list-tree.ts";
import type { TestCase } from "../model/eval-types.ts";
import type { Reference } from "../model/reference.ts";
import type { EvalContext } from "./eval-context.ts";
import { remembered } from "./validation-run.ts";

/** What a test's sandbox is made of, for rules that ask whether it holds what a prompt speaks of. */
export interface Sandbox {
	/** Texts of the scripts that prepare it (hooks, extensions), and their commands. */
	readonly scripts: readonly string[];
	/** Texts of the patches that come with it: named in metadata, by hooks or as input, or inside the template. */
	readonly patches: readonly string[];
	/** Absolute path of its template. */
	readonly template: string | undefined;
}

export function sandboxOf(test: TestCase, context: EvalContext): Sandbox {
	const { references } = context;
	const workspace = test.workspace ?? test.suite.workspace;
	const template = references.files.find(({ kind, at }) => kind === "template" && at === workspace?.template?.at);
	const prepares = references.files.filter(({ kind }) => kind === "hook" || kind === "extension");
	const mine = new Set([...test.metadataFiles.map(({ at }) => at), test.at]);
	const named = references.files.filter(
		({ kind, at }) => (kind === "metadata-file" && mine.has(at)) || (kind === "input-file" && at.file === test.at.file),
	);
	return {
		scripts: prepares.flatMap((one) => [one.raw, ...textOf(one, context)]),
		patches: [
			...[...named, ...prepares].filter(isPatch).flatMap((one) => textOf(one, context)),
			...Object.values(test.metadata).filter((value): value is string => typeof value === "string"),
			...patchesIn(template, context),
		],
		template: template?.onDisk === "directory" ? template.resolved : undefined,
	};
}

function isPatch({ resolved }: Reference): boolean {
	return /\.(patch|diff)$/.test(resolved);
}

function textOf({ resolved, onDisk }: Reference, context: EvalContext): string[] {
	return onDisk === "file" ? [readText(resolved, context)] : [];
}

function readText(file: string, { run }: EvalContext): string {
	return remembered(run, `text\0${file}`, () => {
		try {
			const text = run.view.readText(file);
			return text.length > 1_000_000 ? "" : text;
		} catch (error) {
			// A program that is no text says nothing.
			if (error instanceof AgentvError) return "";
			throw error;
		}
	});
}

function patchesIn(template: Reference | undefined, context: EvalContext): string[] {
	if (template?.onDisk !== "directory") return [];
	const directory = template.resolved;
	const files = remembered(context.run, `patches\0${directory}`, () =>
		listTree(directory, { skipGit: true })
			.filter(({ kind, path }) => kind === "file" && /\.(patch|diff)$/.test(path))
			.map(({ path }) => `${directory}/${path}`),
	);
	return files.map((file) => readText(file, context));
}
