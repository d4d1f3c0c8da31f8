/** The JSON object in a model's reply: the whole text, a fenced block, or the outermost braces. `undefined` where there is none. */
export function jsonOf(text: string): unknown {
	const fenced = /```(?:json)?\s*\n([\s\S]*?)\n\s*```/.exec(text)?.[1];
	const braces = text.includes("{") ? text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1) : undefined;
	for (const candidate of [text, fenced, braces]) {
		const value = candidate === undefined ? undefined : parsed(candidate);
		if (typeof value === "object" && value !== null) return value;
	}
	return undefined;
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}
