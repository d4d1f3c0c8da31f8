import { AgentvError } from "./agentv-error.ts";
import { hasErrors } from "./diagnostic.ts";
import { applyEdits, type TextEdit } from "./text-edits.ts";
import { sameValue } from "./value-edit.ts";
import { parseYaml, type YamlDocument } from "./yaml-document.ts";

/**
 * Makes `edits` in the text of `document` and reads the result again. The new document comes back only if it holds
 * exactly `expectedValue`; its `text` is what to write.
 * @throws AgentvError `refused` if the document has errors, or if the edits would do anything but what was meant
 */
export function verifiedPatch(
	document: YamlDocument,
	edits: readonly TextEdit[],
	expectedValue: unknown,
): YamlDocument {
	if (hasErrors(document.diagnostics)) {
		throw new AgentvError("refused", `${document.file} was not changed: it has errors`, {
			diagnostics: document.diagnostics,
		});
	}
	const patched = parseYaml(applyEdits(document.text, edits), document.file);
	if (hasErrors(patched.diagnostics) || !sameValue(patched.value, expectedValue)) {
		throw new AgentvError("refused", `${document.file} was not changed: the edit would have changed something else`, {
			hint: "Make the change by hand",
		});
	}
	return patched;
}
