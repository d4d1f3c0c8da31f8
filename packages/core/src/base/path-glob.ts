import { AgentvError } from "./agentv-error.ts";
import { automaton, type GlobNode, type GlobState } from "./glob-automaton.ts";
import { longestGlob } from "./glob-text.ts";

/** A glob for paths. A text is read once, whatever the pattern, and can be read in chunks. */
export interface PathGlob {
	readonly start: GlobState;
	/** Returns the state after `text`; empty if no text with this prefix can match. */
	read(state: GlobState, text: string): GlobState;
	/** Returns whether the text read so far matches as a whole. */
	isMatch(state: GlobState): boolean;
}

/** Maximum number of values in all ranges `{1..9}` of a pattern. */
const mostRangeValues = 1000;
const deepestGroup = 20;

/**
 * Compiles a glob. `*` is any text within a component and `?` one character of it; `**` as a whole
 * component is any number of components; `[a-z]`, `[!a-z]`, `{a,b}`, `{1..9}`, `(a|b)`, `@(a|b)`,
 * `?(a)`, `*(a)`, `+(a)`; `\` escapes the next character.
 * @throws AgentvError `usage` for a pattern that is too long, or contains `!(…)`
 * @example
 * const glob = pathGlob("cases/**\/*.jsonl");
 * glob.isMatch(glob.read(glob.start, "cases/a/b.jsonl")); // true
 */
export function pathGlob(pattern: string): PathGlob {
	if (pattern.length > longestGlob) throw refusedGlob(`has ${pattern.length} characters, more than ${longestGlob}`);
	return automaton(new Parser(pattern).parse());
}

/** Returns what is wrong with a glob; undefined if it is valid. */
export function globProblem(pattern: string): string | undefined {
	try {
		pathGlob(pattern);
		return undefined;
	} catch (error) {
		if (error instanceof AgentvError) return error.message;
		throw error;
	}
}

function refusedGlob(what: string): AgentvError {
	return new AgentvError("usage", `the pattern ${what}`, { hint: "Write a shorter pattern, or several." });
}

const slash: GlobNode = { kind: "character", test: (character) => character === "/" };
const anyOne: GlobNode = { kind: "character", test: (character) => character !== "/" };
const anyText: GlobNode = { kind: "repeat", node: anyOne, least: 0 };
const anyPath: GlobNode = { kind: "repeat", node: { kind: "character", test: () => true }, least: 0 };
const empty: GlobNode = { kind: "sequence", nodes: [] };
const components: GlobNode = {
	kind: "repeat",
	node: { kind: "sequence", nodes: [{ kind: "repeat", node: anyOne, least: 1 }, slash] },
	least: 0,
};
/** The end of `a/**`, which matches `a` itself, too. */
const below: GlobNode = { kind: "choice", nodes: [empty, { kind: "sequence", nodes: [slash, anyPath] }] };

function literal(character: string): GlobNode {
	return { kind: "character", test: (other) => other === character };
}

function literalText(text: string): GlobNode {
	return { kind: "sequence", nodes: [...text].map(literal) };
}

/** Parses a pattern in one pass. An unclosed bracket is an ordinary character. */
class Parser {
	readonly #signs: readonly string[];
	readonly #closing: ReadonlyMap<number, number>;
	readonly #withComma: ReadonlySet<number>;
	#at = 0;
	#depth = 0;
	#rangeValues = 0;

	constructor(pattern: string) {
		this.#signs = [...pattern];
		({ closing: this.#closing, withComma: this.#withComma } = findBrackets(this.#signs));
	}

	parse(): GlobNode {
		return this.#sequence(this.#signs.length, "", true);
	}

	/** Parses up to `end`, or to a `separator` outside inner groups. */
	#sequence(end: number, separator: string, beginsComponent: boolean): GlobNode {
		const nodes: GlobNode[] = [];
		while (this.#at < end && this.#signs[this.#at] !== separator) {
			const last = nodes.at(-1);
			const isFirst = last === undefined ? beginsComponent : last === slash || last === components;
			if (!isFirst || !this.#globstar(nodes, end, separator)) nodes.push(this.#next(isFirst));
		}
		return { kind: "sequence", nodes };
	}

	/** Parses `**` if it is a whole component, with the slash after (or before the last) it. */
	#globstar(nodes: GlobNode[], end: number, separator: string): boolean {
		let at = this.#at;
		while (this.#signs[at] === "*") at++;
		if (at - this.#at !== 2) return false;
		const isLast = at === end || this.#signs[at] === separator;
		if (!isLast && this.#signs[at] !== "/") return false;
		this.#at = isLast ? at : at + 1;
		if (nodes.at(-1) === components) nodes.pop();
		const before = nodes.at(-1);
		// As in shells and common libraries: not after a `*`, and not within a group.
		if (isLast && before === slash && separator === "" && nodes.at(-2) !== anyText) nodes.splice(-1, 1, below);
		else if (isLast) nodes.push(anyPath);
		else nodes.push(components);
		return true;
	}

	#next(beginsComponent: boolean): GlobNode {
		const sign = this.#signs[this.#at] ?? "";
		if ("@?*+!".includes(sign) && this.#signs[this.#at + 1] === "(" && this.#closing.has(this.#at + 1)) {
			if (sign === "!") throw refusedGlob("contains !(…), which is not supported");
			this.#at++;
			return repeated(sign, this.#group("|", beginsComponent));
		}
		const closing = this.#closing.get(this.#at);
		if (closing !== undefined) {
			if (sign === "(") return this.#group("|", beginsComponent);
			if (sign === "[") return this.#set(closing);
			const range = this.#range(closing);
			if (range) return range;
			if (this.#withComma.has(this.#at)) return this.#group(",", beginsComponent);
		}
		this.#at++;
		if (sign === "*") {
			while (this.#signs[this.#at] === "*" && this.#signs[this.#at + 1] !== "(") this.#at++;
			return anyText;
		}
		if (sign === "?") return anyOne;
		if (sign === "/") return slash;
		return literal(sign === "\\" && this.#at < this.#signs.length ? (this.#signs[this.#at++] ?? "") : sign);
	}

	#group(separator: string, beginsComponent: boolean): GlobNode {
		if (++this.#depth > deepestGroup) throw refusedGlob(`nests groups more than ${deepestGroup} deep`);
		const end = this.#closing.get(this.#at) ?? this.#at;
		const nodes: GlobNode[] = [];
		do {
			this.#at++;
			nodes.push(this.#sequence(end, separator, beginsComponent));
		} while (this.#at < end);
		this.#at = end + 1;
		this.#depth--;
		return { kind: "choice", nodes };
	}

	/** Parses `{1..9}` or `{a..e}`. */
	#range(closing: number): GlobNode | undefined {
		const text = this.#signs.slice(this.#at + 1, closing).join("");
		const [, first = "", last = ""] = /^(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])$/.exec(text) ?? [];
		const areNumbers = !Number.isNaN(Number(first));
		if (first === "" || areNumbers === Number.isNaN(Number(last))) return undefined;
		const ends = areNumbers ? [Number(first), Number(last)] : [first.charCodeAt(0), last.charCodeAt(0)];
		const [least, most] = [Math.min(...ends), Math.max(...ends)];
		this.#rangeValues += most - least + 1;
		if (this.#rangeValues > mostRangeValues)
			throw refusedGlob(`has ranges of more than ${mostRangeValues} values together`);
		this.#at = closing + 1;
		const values = Array.from({ length: most - least + 1 }, (_, index) => least + index);
		return {
			kind: "choice",
			nodes: values.map((value) => literalText(areNumbers ? String(value) : String.fromCharCode(value))),
		};
	}

	#set(closing: number): GlobNode {
		let at = this.#at + 1;
		const isNegated = this.#signs[at] === "!" || this.#signs[at] === "^";
		if (isNegated) at++;
		const ranges: [string, string][] = [];
		while (at < closing) {
			if (this.#signs[at] === "\\" && at + 1 < closing) at++;
			const first = this.#signs[at++] ?? "";
			const isRange = this.#signs[at] === "-" && at + 1 < closing;
			if (isRange) at++;
			if (isRange && this.#signs[at] === "\\" && at + 1 < closing) at++;
			ranges.push([first, isRange ? (this.#signs[at++] ?? "") : first]);
		}
		this.#at = closing + 1;
		const isIn = (character: string) =>
			ranges.some(([first, last]) => codeOf(first) <= codeOf(character) && codeOf(character) <= codeOf(last));
		return { kind: "character", test: (character) => character !== "/" && isIn(character) !== isNegated };
	}
}

function codeOf(character: string): number {
	return character.codePointAt(0) ?? 0;
}

function repeated(sign: string, node: GlobNode): GlobNode {
	if (sign === "?") return { kind: "choice", nodes: [node, empty] };
	return sign === "@" ? node : { kind: "repeat", node, least: sign === "+" ? 1 : 0 };
}

/** Returns the closing offset of each paired bracket, and the braces with a direct comma. */
function findBrackets(signs: readonly string[]): { closing: Map<number, number>; withComma: Set<number> } {
	const closing = new Map<number, number>();
	const withComma = new Set<number>();
	const open: number[] = [];
	for (let at = 0; at < signs.length; at++) {
		const sign = signs[at] ?? "";
		if (sign === "\\") at++;
		else if (sign === "[") {
			const end = endOfSet(signs, at);
			if (end === undefined) continue;
			closing.set(at, end);
			at = end;
		} else if (sign === "(" || sign === "{") open.push(at);
		else if (sign === ",") {
			const last = open.at(-1);
			if (last !== undefined && signs[last] === "{") withComma.add(last);
		} else if (sign === ")" || sign === "}") {
			const opening = open.findLastIndex((one) => signs[one] === (sign === ")" ? "(" : "{"));
			// An inner bracket that is not closed is text.
			const [start] = opening === -1 ? [] : open.splice(opening);
			if (start !== undefined) closing.set(start, at);
		}
	}
	return { closing, withComma };
}

function endOfSet(signs: readonly string[], start: number): number | undefined {
	let at = start + 1;
	if (signs[at] === "!" || signs[at] === "^") at++;
	if (signs[at] === "]") at++;
	for (; at < signs.length; at++) {
		if (signs[at] === "\\") at++;
		else if (signs[at] === "]") return at;
	}
	return undefined;
}
