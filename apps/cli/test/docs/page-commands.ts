import type { Block, MarkdownPage } from "./markdown-page.ts";

/** A command of a page, as a user would type it. */
export interface PageCommand {
	readonly text: string;
	readonly line: number;
	/** The code in its comment (`# exit 1`), else 0. */
	readonly exitCode: number;
	/** Whether it runs until it is interrupted. */
	readonly serves: boolean;
}

/**
 * Commands for the checkout, which CI and `packed.test.ts` run, and programs that many machines
 * lack.
 */
const notRun: readonly RegExp[] = [
	/^npm (start|test|run (build|pack:cli))\b/,
	/^npm install -g \.\/apps\/cli\/agentv-\*\.tgz$/,
	/^docker (build|run|compose) /,
	/^kubectl /,
];

/** Returns the commands of a page's `sh` blocks in order. */
export function commandsOf(page: MarkdownPage): PageCommand[] {
	return page.blocks.filter(({ language }) => language === "sh").flatMap(blockCommands);
}

function blockCommands({ text, line }: Block): PageCommand[] {
	// A script is run as a whole, with a command that it can exec.
	if (text.startsWith("#!")) return [command(`sh -s true <<'END_OF_SCRIPT'\n${text}\nEND_OF_SCRIPT`, line)];
	const commands: PageCommand[] = [];
	const lines = text.split("\n");
	for (let index = 0; index < lines.length; index += 1) {
		const first = index;
		let whole = lines[index] ?? "";
		while (whole.endsWith("\\") && index + 1 < lines.length) whole += `\n${lines[++index]}`;
		const bare = withoutComment(whole);
		if (bare !== "" && !notRun.some((pattern) => pattern.test(bare))) commands.push(command(whole, line + first));
	}
	return commands;
}

function command(text: string, line: number): PageCommand {
	const [, code = "0"] = /#.*\bexit (?:code )?(\d+)/.exec(text.split("\n")[0] ?? "") ?? [];
	return { text, line, exitCode: Number(code), serves: /(^|\s)agentv studio\b/.test(withoutComment(text)) };
}

/** Removes the comment at the end of a command. */
export function withoutComment(text: string): string {
	return text.replace(/(^|\s)#\s.*$/s, "").trim();
}
