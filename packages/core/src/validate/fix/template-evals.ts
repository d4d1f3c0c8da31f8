import { dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { isInside } from "../../io/files/path-inside.ts";
import { evalsBelow } from "../../model/discover-evals.ts";
import { loadEval } from "../../model/load-eval.ts";
import { resolvePath } from "../../model/path-text.ts";
import type { ValidationRun } from "../validation-run.ts";
import { workspacesOf } from "../workspaces.ts";

/**
 * Tells whether an eval lies inside the template of another one: there it is part of what a target is shown, and no fix
 * touches it. Looks at the evals of the whole repository (or whatever bounds the eval's searches) that name a workspace.
 */
export class TemplateEvals {
	readonly #run: ValidationRun;
	readonly #templates = new Map<string, readonly string[]>();

	constructor(run: ValidationRun) {
		this.#run = run;
	}

	/** @param root what bounds the eval's searches: its repository */
	has(file: string, root: string): boolean {
		let templates = this.#templates.get(root);
		if (!templates) {
			templates = this.#find(root);
			this.#templates.set(root, templates);
		}
		return templates.some((template) => isInside(template, file)) || this.#inCase(file, root);
	}

	#find(root: string): string[] {
		const found = new Set<string>();
		for (const file of evalsBelow(root, this.#run.view))
			for (const template of this.#templatesOf(file)) found.add(template);
		return [...found];
	}

	#templatesOf(file: string): string[] {
		const { view, env, cwd } = this.#run;
		try {
			if (!/workspace|template/.test(view.readText(file))) return [];
			const loaded = loadEval(file, { view, env, cwd });
			return workspacesOf(loaded).flatMap(({ template }) => {
				const resolved = template && resolvePath(template, loaded.scope, view);
				// An eval does not lie in its own template, were that `.` or a parent.
				return resolved?.kind === "directory" && !isInside(resolved.path, file) ? [resolved.path] : [];
			});
		} catch (error) {
			// What can't be read has no template that matters.
			if (error instanceof AgentvError) return [];
			throw error;
		}
	}

	/** Below the `workspace/` of a directory with a `case.yaml`. */
	#inCase(file: string, root: string): boolean {
		const { view } = this.#run;
		for (let at = dirname(file); at !== root && at !== dirname(at); at = dirname(at)) {
			if (!at.endsWith("/workspace")) continue;
			if (["case.yaml", "case.yml"].some((name) => view.kind(join(dirname(at), name)) === "file")) return true;
		}
		return false;
	}
}
