import type { Environment } from "./environment.ts";
import { runProcess } from "./run-process.ts";

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
	darwin: ["open"],
	win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Opens `url` in the desktop's browser. Does nothing without a desktop: the URL was printed. */
export async function openInBrowser(url: string, env: Environment): Promise<void> {
	const opener = openers[process.platform] ?? ["xdg-open"];
	await runProcess({ argv: [...opener, url], env, cwd: process.cwd(), timeoutMs: 5000 });
}
