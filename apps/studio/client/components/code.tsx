import { Button, Text } from "@mantine/core";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { lazy, type ReactNode, Suspense, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { EvalAnswer } from "../../server/describe-eval.ts";
import { count } from "../lib/format.ts";
import classes from "./code.module.css";
import { Icon } from "./status.tsx";

const Markdown = lazy(() => import("./markdown.tsx"));

interface LinesProps {
	readonly label: string;
	readonly count: number;
	readonly line: (index: number) => ReactNode;
	readonly goTo?: number | undefined;
}

/** The browser's search only finds lines that are in the page. */
const maxWhole = 2000;

/** Renders only the visible lines of long texts. */
function Lines(props: LinesProps) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section className={classes.scroller} aria-label={props.label} tabIndex={0}>
			{props.count <= maxWhole ? <Whole {...props} /> : <Visible {...props} />}
		</section>
	);
}

function Whole({ count, line, goTo }: LinesProps) {
	const container = useRef<HTMLDivElement>(null);
	useEffect(() => {
		if (goTo !== undefined) container.current?.children[goTo]?.scrollIntoView({ block: "center" });
	}, [goTo]);
	return (
		<div className={classes.whole} ref={container}>
			{Array.from({ length: count }, (_, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
				<div key={index}>{line(index)}</div>
			))}
		</div>
	);
}

function Visible({ count, line, goTo }: LinesProps) {
	const container = useRef<HTMLDivElement>(null);
	const [offset, setOffset] = useState(0);
	useLayoutEffect(() => setOffset((container.current?.getBoundingClientRect().top ?? 0) + window.scrollY), []);
	const virtual = useWindowVirtualizer({
		count,
		estimateSize: () => 20,
		overscan: 30,
		scrollMargin: offset,
		useFlushSync: false,
	});
	useEffect(() => {
		if (goTo !== undefined) virtual.scrollToIndex(goTo, { align: "center" });
	}, [goTo, virtual]);
	return (
		<div ref={container} className={classes.some} style={{ height: virtual.getTotalSize() }}>
			{virtual.getVirtualItems().map((item) => (
				<div
					key={item.key}
					ref={virtual.measureElement}
					data-index={item.index}
					className={classes.placed}
					style={{ transform: `translateY(${item.start - offset}px)` }}
				>
					{line(item.index)}
				</div>
			))}
		</div>
	);
}

export function TextView({ text, label }: { text: string; label: string }) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section className={classes.textView} aria-label={label} tabIndex={0}>
			<pre>{text}</pre>
		</section>
	);
}

/** Rendering takes too long for longer texts. */
const maxRendered = 100_000;

export function RichText({ text, label }: { text: string; label: string }) {
	const isLong = text.length > maxRendered;
	const [raw, setRaw] = useState(isLong);
	if (text === "") return <p className="dim">Empty</p>;
	return (
		<div>
			{isLong ? (
				<Text c="dimmed" fz="xs" ta="right">
					{count(text.length)} characters, shown raw
				</Text>
			) : (
				<Button
					size="compact-xs"
					variant={raw ? "light" : "default"}
					color="info"
					fw={400}
					className={classes.raw}
					aria-pressed={raw}
					aria-label={`Raw text of ${label}`}
					onClick={() => setRaw(!raw)}
				>
					Raw
				</Button>
			)}
			{raw ? (
				<TextView label={label} text={text} />
			) : (
				<Suspense fallback={<TextView label={label} text={text} />}>
					<Markdown text={text} />
				</Suspense>
			)}
		</div>
	);
}

interface SourceViewProps {
	readonly label: string;
	readonly text: string;
	readonly findings: readonly EvalAnswer["findings"][number][];
	/** 0 for none. */
	readonly line: number;
}

type Item = { readonly line: number } | { readonly finding: EvalAnswer["findings"][number] };

export function SourceView({ label, text, findings, line: shown }: SourceViewProps) {
	const lines = useMemo(() => text.replace(/\r?\n$/, "").split(/\r?\n/), [text]);
	const blocks = useMemo(() => blockLines(lines), [lines]);
	const byLine = useMemo(() => linesOf(findings), [findings]);
	const items = useMemo(
		() =>
			lines.flatMap((_, index): Item[] => [
				{ line: index + 1 },
				...(byLine.get(index + 1) ?? []).map((finding) => ({ finding })),
			]),
		[lines, byLine],
	);
	const goTo = shown > 0 ? items.findIndex((item) => "line" in item && item.line === shown) : -1;
	return (
		<Lines
			label={label}
			count={items.length}
			goTo={goTo === -1 ? undefined : goTo}
			line={(index) => {
				const item = items[index];
				if (!item) return null;
				if ("finding" in item) return <FindingLine finding={item.finding} />;
				const source = lines[item.line - 1] ?? "";
				const inLine = byLine.get(item.line) ?? [];
				return (
					<SourceLine
						number={item.line}
						tokens={underline(yamlTokens(source, blocks[item.line - 1] ?? false), source, inLine)}
						severity={inLine.find(({ severity }) => severity === "error")?.severity ?? inLine[0]?.severity}
						isShown={item.line === shown}
					/>
				);
			}}
		/>
	);
}

interface MarkedToken extends Token {
	readonly wrong?: "error" | "warning" | undefined;
}

function SourceLine(props: {
	number: number;
	tokens: readonly MarkedToken[];
	severity: "error" | "warning" | undefined;
	isShown: boolean;
}) {
	const { number, tokens, severity, isShown } = props;
	return (
		<div className={classes.line} data-severity={severity} data-shown={isShown || undefined}>
			<span className={classes.number}>{number}</span>
			<code>
				{tokens.map(({ text, kind, wrong }, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other identity than their index
					<span key={index} data-kind={kind} data-wrong={wrong}>
						{text}
					</span>
				))}
				{"\n"}
			</code>
		</div>
	);
}

function FindingLine({ finding }: { finding: EvalAnswer["findings"][number] }) {
	const { severity, message, hint, rule } = finding;
	return (
		<div className={classes.finding} data-severity={severity}>
			<Icon name={severity === "error" ? "cross" : "warning"} size={13} />
			<span>
				<strong>{severity === "error" ? "Error" : "Warning"}:</strong> {message}
				{hint ? <span className="dim"> {hint}</span> : null} <span className="mono dim">{rule}</span>
			</span>
		</div>
	);
}

function underline(
	tokens: readonly Token[],
	source: string,
	findings: readonly EvalAnswer["findings"][number][],
): readonly MarkedToken[] {
	if (findings.length === 0) return tokens;
	const ranges = findings.map(({ column, end_line, end_column, line, severity }) => ({
		from: column - 1,
		to: end_line > line ? source.length : Math.max(end_column - 1, column),
		severity,
	}));
	const cuts = ranges.flatMap(({ from, to }) => [from, to]).sort((a, b) => a - b);
	let start = 0;
	return tokens.flatMap((token) => {
		const end = start + token.text.length;
		const inside = [start, ...cuts.filter((cut) => cut > start && cut < end), end];
		const pieces = inside.slice(0, -1).map((from, index): MarkedToken => {
			const wrong = ranges.find((range) => from >= range.from && from < range.to)?.severity;
			return { text: source.slice(from, inside[index + 1]), kind: token.kind, wrong };
		});
		start = end;
		return pieces;
	});
}

function linesOf(
	findings: readonly EvalAnswer["findings"][number][],
): ReadonlyMap<number, readonly EvalAnswer["findings"][number][]> {
	const byLine = new Map<number, EvalAnswer["findings"][number][]>();
	for (const finding of findings) byLine.set(finding.line, [...(byLine.get(finding.line) ?? []), finding]);
	return byLine;
}

interface Token {
	readonly text: string;
	readonly kind: "key" | "string" | "number" | "comment" | "variable" | "sign" | "plain";
}

/** Returns true for lines in a block scalar (`|`, `>`), which has no keys or comments. */
function blockLines(lines: readonly string[]): readonly boolean[] {
	let indent = -1;
	return lines.map((line) => {
		const own = line.search(/\S/);
		if (indent !== -1 && (own === -1 || own > indent)) return true;
		indent = /(^|[\s:-])[|>][+-]?\d*[+-]?\s*(#.*)?$/.test(line) ? Math.max(own, 0) : -1;
		// In a list (`- |`), the text's indentation is relative to the dash.
		return false;
	});
}

const pattern =
	/(?<variable>\$\{\{.*?\}\})|(?<comment>(?:^|(?<=\s))#.*$)|(?<key>(?:"[^"]*"|'[^']*'|[\w$./~*@-][^\s:#,[\]{}"']*)(?=\s*:(?:\s|$)))|(?<string>"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?<number>(?<=(?:^\s*-|[:[,])\s+|\[)(?:-?\d+(?:\.\d+)?|true|false|null|~)(?=\s*(?:[,\]}]|\s#|$)))|(?<sign>^\s*-(?=\s)|[[\]{},]|(?<=(?:^\s*-|[:[,])\s+)[&*!][\w-]+|[|>][+-]?$)/g;

/** Approximates YAML's grammar, for highlighting. */
function yamlTokens(line: string, inBlock: boolean): readonly Token[] {
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

const signs: Readonly<Record<DiffLine["kind"], string>> = {
	added: "+",
	removed: "−",
	same: "",
	file: "",
	hunk: "",
	note: "",
};

interface DiffViewProps {
	readonly label: string;
	readonly diff: string;
	/** For diffs below a heading that names the file. */
	readonly oneFile?: boolean;
}

export function DiffView({ label, diff, oneFile }: DiffViewProps) {
	const lines = useMemo(() => parseDiff(diff).filter(({ kind }) => !(oneFile && kind === "file")), [diff, oneFile]);
	return (
		<Lines
			label={label}
			count={lines.length}
			line={(index) => {
				const line = lines[index];
				if (!line) return null;
				if (line.kind === "file" || line.kind === "hunk" || line.kind === "note")
					return (
						<div className={classes.diffHeading} data-kind={line.kind}>
							<span>{line.text}</span>
						</div>
					);
				return (
					<div className={classes.diffLine} data-kind={line.kind}>
						<span className={classes.diffNumbers}>
							<span>{line.before}</span>
							<span>{line.after}</span>
							<span>{signs[line.kind]}</span>
						</span>
						<code>{`${line.text}\n`}</code>
					</div>
				);
			}}
		/>
	);
}

interface DiffLine {
	readonly kind: "file" | "hunk" | "added" | "removed" | "same" | "note";
	readonly text: string;
	readonly before?: number;
	readonly after?: number;
}

/** Accepts plain diffs and git's. */
function parseDiff(diff: string): readonly DiffLine[] {
	const lines: DiffLine[] = [];
	let [before, after, left, right] = [0, 0, 0, 0];
	for (const line of diff.replace(/\n$/, "").split("\n")) {
		const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(line);
		if (hunk) {
			[before, left] = [Number(hunk[1]), Number(hunk[2] ?? 1)];
			[after, right] = [Number(hunk[3]), Number(hunk[4] ?? 1)];
			lines.push({ kind: "hunk", text: line });
		} else if (left > 0 || right > 0) {
			const text = line.slice(1);
			if (line.startsWith("+")) {
				lines.push({ kind: "added", text, after: after++ });
				right -= 1;
			} else if (line.startsWith("-")) {
				lines.push({ kind: "removed", text, before: before++ });
				left -= 1;
			} else if (line.startsWith("\\")) lines.push({ kind: "note", text: line });
			else {
				lines.push({ kind: "same", text, before: before++, after: after++ });
				left -= 1;
				right -= 1;
			}
		} else addHeading(line, lines);
	}
	return lines;
}

function addHeading(line: string, lines: DiffLine[]): void {
	const name = /^(?:diff --git a\/.* b\/|\+\+\+ (?:b\/)?)(.+?)\t?$/.exec(line)?.[1];
	const heading = lines.findLast(({ kind }) => kind === "file");
	const isOpen = lines.at(-1)?.kind === "file" || lines.at(-1)?.kind === "note";
	if (name !== undefined && name !== "/dev/null") {
		if (!(isOpen && heading?.text === name)) lines.push({ kind: "file", text: name });
	} else if (/^(new file|deleted file|rename|Binary|old mode|new mode|similarity|\\)/.test(line))
		lines.push({ kind: "note", text: line });
}
