import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The repository's root directory. */
export const root = resolve(import.meta.dirname, "../../../..");

/** A fenced block; `line` is the line of its first content. */
export interface Block {
	readonly language: string;
	readonly text: string;
	readonly line: number;
}

/** The target of a link, or text in backticks. */
interface Word {
	readonly text: string;
	readonly line: number;
}

/** A parsed page of the documentation. */
export interface MarkdownPage {
	/** Relative to the repository. */
	readonly path: string;
	readonly blocks: readonly Block[];
	readonly codes: readonly Word[];
	readonly links: readonly Word[];
	/** The valid fragments of links to this page. */
	readonly anchors: ReadonlySet<string>;
}

/** The README and all pages of docs/. */
export const pagePaths: readonly string[] = [
	"README.md",
	...readdirSync(join(root, "docs"))
		.filter((name) => name.endsWith(".md"))
		.sort()
		.map((name) => `docs/${name}`),
];

export function readPage(path: string): MarkdownPage {
	return parsePage(path, readFileSync(join(root, path), "utf8"));
}

export function parsePage(path: string, content: string): MarkdownPage {
	const blocks: Block[] = [];
	const codes: Word[] = [];
	const links: Word[] = [];
	const anchors = new Set<string>();
	let open: { fence: string; language: string; lines: string[]; line: number } | undefined;
	for (const [index, text] of content.split("\n").entries()) {
		const line = index + 1;
		const [, fence = "", language = ""] = /^(```+)(\w*)/.exec(text) ?? [];
		if (open) {
			if (text.trim() !== open.fence) open.lines.push(text);
			else {
				blocks.push({ language: open.language, text: open.lines.join("\n"), line: open.line });
				open = undefined;
			}
		} else if (fence !== "") open = { fence, language, lines: [], line: line + 1 };
		else {
			for (const code of codesOf(text)) codes.push({ text: code, line });
			const prose = text.replace(/`+[^`]*`+/g, "");
			for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) links.push({ text: target, line });
			const [, heading] = /^#+ (.+)$/.exec(text) ?? [];
			if (heading !== undefined) anchors.add(anchorOf(heading, anchors));
		}
	}
	if (open) throw new Error(`${path}:${open.line}: the block is never closed`);
	return { path, blocks, codes, links, anchors };
}

/** Returns the texts in backticks, with the `\|` of tables unescaped. */
function codesOf(text: string): string[] {
	return [...text.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , code = ""]) => code.trim().replaceAll("\\|", "|"));
}

/** Returns GitHub's anchor for a heading; repeated ones are numbered. */
function anchorOf(heading: string, taken: ReadonlySet<string>): string {
	const plain = heading.replaceAll("`", "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
	const anchor = plain
		.toLowerCase()
		.replace(/[^\p{L}\p{N}\s_-]/gu, "")
		.replaceAll(" ", "-");
	for (let count = 0; ; count += 1) {
		const candidate = count === 0 ? anchor : `${anchor}-${count}`;
		if (!taken.has(candidate)) return candidate;
	}
}

/** Returns why a link is broken; external links are not checked. */
export function linkProblem(page: MarkdownPage, link: string): string | undefined {
	if (/^(https?|mailto):/.test(link)) return undefined;
	const [file = "", anchor] = link.split("#");
	const target = resolve(root, page.path, "..", decodeURI(file));
	if (file !== "" && !existsSync(target)) return "there is no such file";
	if (anchor === undefined) return undefined;
	const named = file === "" ? page : readPage(target.slice(root.length + 1));
	return named.anchors.has(anchor) ? undefined : "the page has no such heading";
}
