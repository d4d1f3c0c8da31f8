import { AgentvError } from "./errors.ts";

type GlobNode =
	| { readonly kind: "character"; readonly test: (character: string) => boolean }
	| { readonly kind: "sequence"; readonly nodes: readonly GlobNode[] }
	| { readonly kind: "choice"; readonly nodes: readonly GlobNode[] }
	| { readonly kind: "repeat"; readonly node: GlobNode; readonly least: 0 | 1 };

/** Every way in which the pattern can still match, each once. */
type GlobState = readonly number[];

/** The end of the program is a match; `jump` continues at each of its targets. */
type Step =
	| { readonly kind: "character"; readonly test: (character: string) => boolean }
	| { readonly kind: "jump"; readonly goals: number[] };

/** Reading a character takes time proportional to the pattern at most, so no input is slow. */
function automaton(pattern: GlobNode) {
	const steps: Step[] = [];
	compile(pattern, steps);
	const end = steps.length;
	/** Prevents adding a step twice in a round. */
	const added = new Uint32Array(end + 1);
	let round = 0;
	const closure = (from: readonly number[]): number[] => {
		round++;
		const state: number[] = [];
		const waiting = [...from];
		for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
			if (added[at] === round) continue;
			added[at] = round;
			const step = steps[at];
			if (step?.kind === "jump") waiting.push(...step.goals);
			else state.push(at);
		}
		return state;
	};
	const readOne = (state: GlobState, character: string): GlobState => {
		const next: number[] = [];
		for (const at of state) {
			const step = steps[at];
			if (step?.kind === "character" && step.test(character)) next.push(at + 1);
		}
		return next.length === 0 ? next : closure(next);
	};
	return {
		start: closure([0]) as GlobState,
		read(state: GlobState, text: string): GlobState {
			let current = state;
			for (const character of text) {
				if (current.length === 0) break;
				current = readOne(current, character);
			}
			return current;
		},
		isMatch: (state: GlobState) => state.includes(end),
	};
}

function compile(node: GlobNode, steps: Step[]): void {
	if (node.kind === "character") steps.push(node);
	else if (node.kind === "sequence") for (const inner of node.nodes) compile(inner, steps);
	else if (node.kind === "choice") {
		const fork = jump(steps);
		const exits = node.nodes.map((inner) => {
			fork.goals.push(steps.length);
			compile(inner, steps);
			return jump(steps);
		});
		for (const exit of exits) exit.goals.push(steps.length);
	} else {
		const entry = node.least === 0 ? jump(steps) : undefined;
		const start = steps.length;
		entry?.goals.push(start);
		compile(node.node, steps);
		jump(steps).goals.push(start, steps.length);
		entry?.goals.push(steps.length);
	}
}

function jump(steps: Step[]): Extract<Step, { kind: "jump" }> {
	const step = { kind: "jump", goals: [] as number[] } as const;
	steps.push(step);
	return step;
}

/** Reads a text only once, also in chunks. */
interface PathGlob {
	readonly start: GlobState;
	/** Returns an empty state if no text with this prefix can match. */
	read(state: GlobState, text: string): GlobState;
	isMatch(state: GlobState): boolean;
}

/** In all ranges `{1..9}` of a pattern together. */
const maxRangeValues = 1000;
const deepestGroup = 20;

/**
 * `*` is any text within a component and `?` one character of it; `**` as a whole component is any
 * number of components; `[a-z]`, `[!a-z]`, `{a,b}`, `{1..9}`, `(a|b)`, `@(a|b)`, `?(a)`, `*(a)`,
 * `+(a)`; `\` escapes the next character.
 * @throws AgentvError `usage` for a pattern that is too long, or contains `!(…)`
 * @example
 * const glob = pathGlob("cases/**\/*.jsonl");
 * glob.isMatch(glob.read(glob.start, "cases/a/b.jsonl")); // true
 */
export function pathGlob(pattern: string): PathGlob {
	if (pattern.length > longestGlob) throw refusedGlob(`has ${pattern.length} characters, more than ${longestGlob}`);
	return automaton(new Parser(pattern).parse());
}

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
/** `a/**` matches `a` itself, too. */
const below: GlobNode = { kind: "choice", nodes: [empty, { kind: "sequence", nodes: [slash, anyPath] }] };

function literal(character: string): GlobNode {
	return { kind: "character", test: (other) => other === character };
}

function literalText(text: string): GlobNode {
	return { kind: "sequence", nodes: [...text].map(literal) };
}

/** Works in one pass. An unclosed bracket is an ordinary character. */
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

	/** Only if it is a whole component; includes the slash after it, or before the last one. */
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

	#range(closing: number): GlobNode | undefined {
		const text = this.#signs.slice(this.#at + 1, closing).join("");
		const [, first = "", last = ""] = /^(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])$/.exec(text) ?? [];
		const areNumbers = !Number.isNaN(Number(first));
		if (first === "" || areNumbers === Number.isNaN(Number(last))) return undefined;
		const ends = areNumbers ? [Number(first), Number(last)] : [first.charCodeAt(0), last.charCodeAt(0)];
		const [least, most] = [Math.min(...ends), Math.max(...ends)];
		this.#rangeValues += most - least + 1;
		if (this.#rangeValues > maxRangeValues)
			throw refusedGlob(`has ranges of more than ${maxRangeValues} values together`);
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
			const opening = open.findLastIndex((index) => signs[index] === (sign === ")" ? "(" : "{"));
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

export const longestGlob = 1000;

/**
 * `*` is any text, `?` one character. Takes linear time. @throws AgentvError `usage` if too long
 */
export function matchesGlob(text: string, glob: string): boolean {
	return textGlob(glob)(text);
}

/** For matching many texts. @throws AgentvError `usage` */
export function textGlob(glob: string): (text: string) => boolean {
	if (glob.length > longestGlob)
		throw new AgentvError("usage", `the pattern has ${glob.length} characters, more than the ${longestGlob} allowed`, {
			hint: "Write a shorter pattern, or several.",
		});
	const signs = [...glob.replace(/\*+/g, "*")];
	return (text) => matches([...text], signs);
}

/** Backtracks only to the last `*`: what an earlier one matched can stay. */
function matches(text: readonly string[], signs: readonly string[]): boolean {
	let [at, sign] = [0, 0];
	let star: { readonly sign: number; at: number } | undefined;
	while (at < text.length) {
		if (signs[sign] === "*") {
			sign++;
			star = { sign, at };
		} else if (sign < signs.length && (signs[sign] === "?" || signs[sign] === text[at])) {
			sign++;
			at++;
		} else if (star) {
			star.at++;
			({ sign, at } = star);
		} else return false;
	}
	while (signs[sign] === "*") sign++;
	return sign === signs.length;
}

/**
 * Matches braces in text that is not JSON: outside quotes by counting only those, inside quotes by
 * counting all. Two passes over the whole text make any number of lookups linear.
 */
export class BraceMatches {
	/** 0 means none: a closing brace is never at offset 0. */
	readonly #outsideQuotes: Int32Array;
	readonly #counted: Int32Array;

	constructor(text: string) {
		this.#outsideQuotes = matchesOf(text, true);
		this.#counted = matchesOf(text, false);
	}

	closing(start: number): number | undefined {
		return this.#outsideQuotes[start] || this.#counted[start] || undefined;
	}
}

function matchesOf(text: string, skipsQuotes: boolean): Int32Array {
	const matches = new Int32Array(text.length);
	const open: number[] = [];
	/** Quotes of a kind are not closed before the end of this line. */
	const unclosed = { '"': -1, "'": -1 };
	for (let at = 0; at < text.length; at += 1) {
		const character = text[at];
		if (character === "{") open.push(at);
		else if (character === "}") {
			const start = open.pop();
			if (start !== undefined) matches[start] = at;
		} else if (skipsQuotes && (character === '"' || (character === "'" && !followsWord(text, at)))) {
			if (at < unclosed[character]) continue;
			const end = quoteEnd(text, at, character);
			if (text[end] === character) at = end;
			else unclosed[character] = end;
		}
	}
	return matches;
}

/** The apostrophe of `don't` doesn't open a quote. */
function followsWord(text: string, at: number): boolean {
	return at > 0 && /\w/.test(text[at - 1] ?? "");
}

/** Returns the line's end if the quote is not closed on its line. */
function quoteEnd(text: string, start: number, quote: string): number {
	let at = start + 1;
	for (; at < text.length && text[at] !== "\n"; at += 1) {
		if (text[at] === quote) return at;
		if (text[at] === "\\" && text[at + 1] !== "\n") at += 1;
	}
	return at;
}
