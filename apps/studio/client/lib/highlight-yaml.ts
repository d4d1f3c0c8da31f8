/** A piece of a line, and what it is. */
export interface Token {
	readonly text: string;
	readonly kind: "key" | "string" | "number" | "comment" | "variable" | "sign" | "plain";
}

/** For each line, whether it lies inside a block scalar (`|`, `>`), where nothing is a key or comment. */
export function blockLines(lines: readonly string[]): readonly boolean[] {
	let indent = -1;
	return lines.map((line) => {
		const own = line.search(/\S/);
		if (indent !== -1 && (own === -1 || own > indent)) return true;
		indent = /(^|[\s:-])[|>][+-]?\d*[+-]?\s*(#.*)?$/.test(line) ? Math.max(own, 0) : -1;
		// In a list (`- |`), the text is indented against the dash.
		return false;
	});
}

const pattern =
	/(?<variable>\$\{\{.*?\}\})|(?<comment>(?:^|(?<=\s))#.*$)|(?<key>(?:"[^"]*"|'[^']*'|[\w$./~*@-][^\s:#,[\]{}"']*)(?=\s*:(?:\s|$)))|(?<string>"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?<number>(?<=(?:^\s*-|[:[,])\s+|\[)(?:-?\d+(?:\.\d+)?|true|false|null|~)(?=\s*(?:[,\]}]|\s#|$)))|(?<sign>^\s*-(?=\s)|[[\]{},]|(?<=(?:^\s*-|[:[,])\s+)[&*!][\w-]+|[|>][+-]?$)/g;

/** The tokens of one line of YAML; together they are the line. A sketch for the eye, not a parser. */
export function yamlTokens(line: string, inBlock: boolean): readonly Token[] {
	if (line.length > 2000) return [{ text: line, kind: "plain" }];
	if (inBlock) return variablesOnly(line);
	const tokens: Token[] = [];
	let end = 0;
	for (const match of line.matchAll(pattern)) {
		if (match.index > end) tokens.push({ text: line.slice(end, match.index), kind: "plain" });
		const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0] ?? "plain";
		tokens.push({ text: match[0], kind: kind as Token["kind"] });
		end = match.index + match[0].length;
	}
	if (end < line.length) tokens.push({ text: line.slice(end), kind: "plain" });
	return tokens;
}

function variablesOnly(line: string): readonly Token[] {
	return line
		.split(/(\$\{\{.*?\}\})/)
		.filter((text) => text !== "")
		.map((text) => ({ text, kind: text.startsWith("${{") ? "variable" : "string" }));
}
