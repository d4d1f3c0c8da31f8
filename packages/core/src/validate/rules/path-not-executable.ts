import { isExecutable } from "../../io/files/stat-path.ts";
import { type AboutReference, aboutReference } from "../about-reference.ts";
import { pathReferences } from "../path-references.ts";
import { rule } from "../rule.ts";
import { remembered } from "../validation-run.ts";

type Data = AboutReference;

export const pathNotExecutable = rule<Data>({
	id: "path.not-executable",
	group: "paths",
	severity: "warning",
	summary: "a program of the eval without the executable bit",
	docs: {
		why: "A command that begins with this file cannot be started: permission denied.",
		bad: `hooks:
  before_each: { command: ./setup.sh }        # mode 644`,
		good: `hooks:
  before_each: { command: [sh, ./setup.sh] }  # or mode 755`,
		mend: "`chmod +x` the file and commit the mode (`git update-index --chmod=+x`), or start it with its interpreter.",
	},
	message: ({ raw, kind }) => `${kind} ${JSON.stringify(raw)} is not executable`,
	hint: ({ raw }) => `chmod +x ${raw}, or start it with its interpreter`,
	*check(context) {
		for (const reference of pathReferences(context)) {
			const { word, onDisk, resolved, at } = reference;
			if (word?.index !== 0 || onDisk !== "file") continue;
			if (remembered(context.run, `executable\0${resolved}`, () => isExecutable(resolved))) continue;
			yield { data: { ...aboutReference(reference) }, at };
		}
	},
});
