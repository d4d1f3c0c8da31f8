import { terminalSafe } from "@agentv/core";

/** Escapes text for the data of a GitHub workflow command (`::error …::data`), whose log renders control sequences. */
export function workflowData(text: string): string {
	// The older form, `##[…]`, also works in the middle of a line.
	return terminalSafe(text)
		.replace(/##(?=[a-z]*\[)/gi, "# #")
		.replaceAll("%", "%25")
		.replaceAll("\n", "%0A");
}

/** Escapes text for a property of a workflow command. */
export function workflowProperty(text: string): string {
	return workflowData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
