import { isInside } from "../../io/files/path-inside.ts";
import { realPath } from "../../io/files/stat-path.ts";
import { entriesOf } from "../../model/disk-view.ts";
import { type AboutReference, aboutReference } from "../about-reference.ts";
import { neededPaths } from "../path-references.ts";
import { rule } from "../rule.ts";
import { rememberedFaults } from "../template-files.ts";
import { remembered, type ValidationRun } from "../validation-run.ts";

interface Data extends AboutReference {
	/** Links inside a directory, relative to it, that leave it. */
	readonly links?: readonly string[];
	/** Where the path itself leads by a link. */
	readonly leadsTo?: string;
}

export const pathSymlinkEscape = rule<Data>({
	id: "path.symlink-escape",
	group: "paths",
	severity: "error",
	summary: "a symbolic link to outside the template or repository",
	docs: {
		why: "A copy of the link is broken on another machine, or points back to the original: a test would then change the template itself. A link to a private file would leak it.",
		bad: `template/
  config -> /etc/app/config`,
		good: `template/
  config`,
		mend: "Replace the link with the file itself, or point it to a target inside the same directory.",
	},
	message: ({ raw, kind, links, leadsTo }) =>
		links
			? `${kind} ${JSON.stringify(raw)} has a symbolic link to outside it: ${links.slice(0, 3).join(", ")}${links.length > 3 ? ", …" : ""}`
			: `${kind} ${JSON.stringify(raw)} is a symbolic link to ${leadsTo}`,
	hint: () => "replace the link with its target",
	*check(context) {
		const { root } = context.loaded.scope;
		const realRoot = remembered(context.run, `real\0${root}`, () => realPath(root));
		for (const reference of neededPaths(context)) {
			const { resolved, at, state, onDisk } = reference;
			if (state !== "ok" && state !== "outside-eval") continue;
			const about = aboutReference(reference);
			if (onDisk !== "directory" && !leadsByLink(resolved, root, context.run)) continue;
			const real = remembered(context.run, `real\0${resolved}`, () => realPath(resolved));
			if (!isInside(realRoot, real)) yield { data: { ...about, leadsTo: real }, at };
			else if (onDisk === "directory" && copied.has(reference.kind)) {
				const { links } = rememberedFaults(resolved, context.run);
				if (links.length > 0) yield { data: { ...about, links }, at };
			}
		}
	},
});

/** Whether `path` or a directory on the way from `root` to it is a link. */
function leadsByLink(path: string, root: string, run: ValidationRun): boolean {
	if (path === root || !path.startsWith(root)) return false;
	const slash = path.lastIndexOf("/");
	const directory = path.slice(0, slash);
	if (entriesOf(run.view, directory).get(path.slice(slash + 1)) === "link") return true;
	return remembered(run, `linked\0${directory}`, () => leadsByLink(directory, root, run));
}

/** Directories that a run or a bundle copies whole. */
const copied: ReadonlySet<string> = new Set(["template", "agent-rules", "input-file"]);
