import { deepestJson } from "../../base/json-depth.ts";
import { type FoundValue, findJsonValues, scanJson } from "../../base/json-values.ts";
import { isObject, type JsonObject } from "../reply-score.ts";

/** The object in a model's reply, or why there is none: completes "the reply …". */
export type JudgeReply = { readonly object: JsonObject } | { readonly complaint: string };

/**
 * Finds the verdict in a grader model's reply: the last object with one of `keys` (those of the
 * requested format), outside thinking. An unparsable one counts, too: an earlier one can be a
 * quotation of the answer or a draft.
 */
export function judgeReply(text: string, keys: readonly string[]): JudgeReply {
	const said = withoutThinking(text);
	const last = findJsonValues(said, "is prose").findLast((value) => isVerdict(value, said, keys));
	if (!last) return { complaint: `holds no JSON object with ${keys.map((key) => JSON.stringify(key)).join(" or ")}` };
	if (last.kind === "unreadable") return { complaint: "ends with an object that is not valid JSON" };
	if (last.kind === "too deep") return { complaint: `nests values more than ${deepestJson} levels deep` };
	if (!isObject(last.value)) return { complaint: "is a list, not a JSON object" };
	const twice = (last.duplicates ?? []).find((key) => keys.includes(key));
	return twice === undefined ? { object: last.value } : { complaint: `has the key ${JSON.stringify(twice)} twice` };
}

/** Returns whether an object, or what looks like one, is meant as the verdict. */
function isVerdict({ kind, value, start, end }: FoundValue, text: string, keys: readonly string[]): boolean {
	if (kind === "object") return isObject(value) && keys.some((key) => Object.hasOwn(value, key));
	const names = keys.map((key) => key.replace(/\W/g, "\\$&")).join("|");
	return new RegExp(`["']?\\b(?:${names})\\b["']?\\s*[:=]`).test(text.slice(start, end));
}

const token = /\{|<\|?\/?[a-z][\w:-]*\|?(?:\s[^<>]*)?>(?:final\b)?|\[\/?think\]|◁\/?think▷/gi;
const words = "think|thinking|thoughts?|thought_process|reasoning|reflection|scratchpad|analysis|internal_monologue";
/** Names can have a prefix, as in `<seed:think>` and `<antThinking>`. */
const tag = new RegExp(`^[<[◁](/?)((?:[a-z]+:|ant)?(?:${words}))(?:\\s[^<>]*)?[>\\]▷]$`);

interface Edge {
	readonly block: string;
	/** `closes if open`: otherwise it is only the end of a message. */
	readonly kind: "opens" | "closes" | "closes if open";
}

/** Returns the edge of a thinking block, as various model families write it. */
function edgeOf(text: string): Edge | undefined {
	const lower = text.toLowerCase();
	// In the gpt-oss format, only the channel `final` is the reply.
	if (lower.startsWith("<|channel|>")) return { block: "channel", kind: lower.endsWith("final") ? "closes" : "opens" };
	if (lower === "<|end|>") return { block: "channel", kind: "closes if open" };
	if (lower === "<|begin_of_thought|>") return { block: "thought", kind: "opens" };
	if (lower === "<|end_of_thought|>") return { block: "thought", kind: "closes" };
	const found = lower.endsWith("/>") ? null : tag.exec(lower);
	return found ? { block: found[2] ?? "", kind: found[1] === "/" ? "closes" : "opens" } : undefined;
}

/**
 * Removes a model's thinking: blocks like `<think>…</think>`, including nested ones. An unclosed
 * block extends to the end. A closing tag without an opening one ends a block, too, because some
 * servers omit the opening tag. Tags inside an object are text.
 */
export function withoutThinking(text: string): string {
	let kept = "";
	let from = 0;
	let depth = 0;
	let block = "";
	token.lastIndex = 0;
	for (let found = token.exec(text); found; found = token.exec(text)) {
		const { 0: whole, index } = found;
		if (whole === "{") {
			if (depth === 0) token.lastIndex = Math.max(scanEnd(text, index), index + 1);
			continue;
		}
		const edge = edgeOf(whole);
		if (!edge || (depth > 0 ? edge.block !== block : edge.kind === "closes if open")) continue;
		if (edge.kind === "opens") {
			if (depth === 0) kept += text.slice(from, index);
			block = edge.block;
			depth += 1;
		} else if (depth > 0) {
			depth -= 1;
			from = token.lastIndex;
		} else {
			kept = "";
			from = token.lastIndex;
		}
	}
	return depth > 0 ? kept : kept + text.slice(from);
}

/** Returns the offset at which the object at `start` ends, or stops being JSON. */
function scanEnd(text: string, start: number): number {
	const scan = scanJson(text, start);
	if (scan.kind === "cut") return text.length;
	return scan.kind === "complete" ? scan.end : scan.at;
}
