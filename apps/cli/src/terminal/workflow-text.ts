import { terminalSafe } from "@agentv/core";

/** A text as the data of a GitHub workflow command (`::error …::data`). Its log is shown as a terminal would. */
export function workflowData(text: string): string {
	// The older form of a command, `##[…]`, is one in the middle of a line, too.
	return terminalSafe(text)
		.replace(/##(?=[a-z]*\[)/gi, "# #")
		.replaceAll("%", "%25")
		.replaceAll("\n", "%0A");
}

/** A text as one of its properties. */
export function workflowProperty(text: string): string {
	return workflowData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
