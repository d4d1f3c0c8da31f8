import "@mantine/core/styles/Typography.css";
import { Typography } from "@mantine/core";
import { lexer, type Token, type Tokens } from "marked";
import { Fragment, type ReactNode, useMemo } from "react";
import classes from "./markdown.module.css";

/** Shows HTML as text, links to the web and mail only, and loads no images. */
export default function Markdown({ text }: { text: string }) {
	const tokens = useMemo(() => lexer(text), [text]);
	return <Typography className={classes.markdown}>{blocks(tokens)}</Typography>;
}

function blocks(tokens: readonly Token[] | undefined): ReactNode {
	return (tokens ?? []).map((token, index) => (
		// biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other identity than their index
		<Fragment key={index}>{block(token as Tokens.Generic & Token)}</Fragment>
	));
}

function block(token: Token): ReactNode {
	switch (token.type) {
		case "space":
		case "def":
			return null;
		case "heading":
			// An output's headings must not be headings of the page; their size shows their level.
			return (
				<p className={classes.heading} data-depth={(token as Tokens.Heading).depth}>
					{inline(token)}
				</p>
			);
		case "code":
			return (
				// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
				<pre tabIndex={0}>
					<code>{(token as Tokens.Code).text}</code>
				</pre>
			);
		case "blockquote":
			return <blockquote>{blocks((token as Tokens.Blockquote).tokens)}</blockquote>;
		case "list":
			return <List token={token as Tokens.List} />;
		case "table":
			return <TableToken token={token as Tokens.Table} />;
		case "hr":
			return <hr />;
		case "paragraph":
			return <p>{inline(token)}</p>;
		case "text":
			return "tokens" in token && token.tokens ? inlines(token.tokens) : plain(token);
		default:
			return <p>{plain(token)}</p>;
	}
}

function List({ token }: { token: Tokens.List }) {
	const items = token.items.map((item, index) => (
		// biome-ignore lint/suspicious/noArrayIndexKey: items have no other identity than their index
		<li key={index} data-task={item.task || undefined}>
			{item.task ? <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label="done" /> : null}
			{blocks(item.tokens.filter(({ type }) => type !== "checkbox"))}
		</li>
	));
	return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function TableToken({ token }: { token: Tokens.Table }) {
	const cells = (row: readonly Tokens.TableCell[], Cell: "th" | "td") =>
		row.map((cell, index) => (
			// biome-ignore lint/suspicious/noArrayIndexKey: cells have no other identity than their index
			<Cell key={index} style={{ textAlign: cell.align ?? "left" }}>
				{inlines(cell.tokens)}
			</Cell>
		));
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<div className={classes.table} tabIndex={0}>
			<table>
				<thead>
					<tr>{cells(token.header, "th")}</tr>
				</thead>
				<tbody>
					{token.rows.map((row, index) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity than their index
						<tr key={index}>{cells(row, "td")}</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function inlines(tokens: readonly Token[]): ReactNode {
	return tokens.map((token, index) => (
		// biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other identity than their index
		<Fragment key={index}>{inlineToken(token)}</Fragment>
	));
}

function inline(token: Token): ReactNode {
	return "tokens" in token && token.tokens ? inlines(token.tokens) : plain(token);
}

function inlineToken(token: Token): ReactNode {
	switch (token.type) {
		case "strong":
			return <strong>{inline(token)}</strong>;
		case "em":
			return <em>{inline(token)}</em>;
		case "del":
			return <del>{inline(token)}</del>;
		case "codespan":
			return <code>{(token as Tokens.Codespan).text}</code>;
		case "br":
			return <br />;
		case "link":
			return <Link token={token as Tokens.Link} />;
		case "image":
			return `[image: ${(token as Tokens.Image).text || (token as Tokens.Image).href}]`;
		case "escape":
			return (token as Tokens.Escape).text;
		case "html":
			return token.raw;
		default:
			return inline(token);
	}
}

function Link({ token }: { token: Tokens.Link }) {
	if (!/^(https?:\/\/|mailto:)/i.test(token.href)) return inline(token);
	return (
		<a href={token.href} target="_blank" rel="noopener noreferrer nofollow" title={token.href}>
			{inline(token)}
		</a>
	);
}

/** Returns the text unescaped: `marked` escapes for HTML, which React does anyway. */
function plain(token: Token): string {
	return token.raw.replace(/\n$/, "");
}
