import { AgentvError } from "./agentv-error.ts";
import { hasErrors } from "./diagnostic.ts";
import { applyEdits, type TextEdit } from "./text-edits.ts";
import { sameValue } from "./value-edit.ts";
import { parseYaml, type YamlDocument } from "./yaml-document.ts";

/**
 * Applies `edits` to the text of `document` and parses the result. The new document is returned
 * only if its value is exactly `expectedValue`; its `text` is what to write.
 * @throws AgentvError `refused` if the document has errors, or if the edits would change anything
 * else
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
			hint: "Edit the file by hand",
		});
	}
	return patched;
}
