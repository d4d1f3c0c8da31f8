import { useMemo } from "react";
import type { FindingAnswer } from "../../../server/answers/findings.ts";
import { blockLines, type Token, yamlTokens } from "../../lib/highlight-yaml.ts";
import { Icon } from "../icon.tsx";
import { Lines } from "./lines.tsx";
import classes from "./source-view.module.css";

interface SourceViewProps {
	readonly label: string;
	readonly text: string;
	/** Those of this file. */
	readonly findings: readonly FindingAnswer[];
	/** A line to show; 0: none. */
	readonly line: number;
}

type Item = { readonly line: number } | { readonly finding: FindingAnswer };

/** YAML with line numbers, and what is wrong at the lines where it is wrong. */
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
				const found = byLine.get(item.line) ?? [];
				return (
					<SourceLine
						number={item.line}
						tokens={marked(yamlTokens(source, blocks[item.line - 1] ?? false), source, found)}
						severity={found.find(({ severity }) => severity === "error")?.severity ?? found[0]?.severity}
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
			<code className={classes.code}>
				{tokens.map(({ text, kind, wrong }, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other name than their place
					<span key={index} data-kind={kind} data-wrong={wrong}>
						{text}
					</span>
				))}
				{"\n"}
			</code>
		</div>
	);
}

function FindingLine({ finding }: { finding: FindingAnswer }) {
	const { severity, message, hint, rule } = finding;
	return (
		<div className={classes.finding} data-severity={severity}>
			<Icon name={severity === "error" ? "cross" : "warning"} size={13} />
			<span>
				<strong>{severity === "error" ? "Error" : "Warning"}:</strong> {message}
				{hint ? <span className={classes.hint}> {hint}</span> : null} <span className={classes.rule}>{rule}</span>
			</span>
		</div>
	);
}

/** Splits the tokens of a line where findings begin and end. */
function marked(tokens: readonly Token[], source: string, findings: readonly FindingAnswer[]): readonly MarkedToken[] {
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

function linesOf(findings: readonly FindingAnswer[]): ReadonlyMap<number, readonly FindingAnswer[]> {
	const byLine = new Map<number, FindingAnswer[]>();
	for (const finding of findings) byLine.set(finding.line, [...(byLine.get(finding.line) ?? []), finding]);
	return byLine;
}
