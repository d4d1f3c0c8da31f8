import { fileURLToPath } from "node:url";
import { openInBrowser } from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";

interface StudioCommandOptions {
	readonly port?: number;
	readonly host: string;
	readonly allowHost: readonly string[];
	readonly open: boolean;
	readonly readOnly?: boolean;
	readonly token?: string;
}

const usualPort = 3117;
const tokenVariable = "AGENTV_STUDIO_TOKEN";

/** Exits 130 if Ctrl-C interrupted a job. */
export async function studio(options: StudioCommandOptions, context: Context): Promise<CommandResult> {
	const { startStudio } = await import("@agentv/studio/server");
	// Targets and graders must not see the token.
	const { [tokenVariable]: tokenOfEnvironment, ...env } = context.env;
	const token = options.token ?? (tokenOfEnvironment || undefined);
	const running = await startStudio({
		env,
		cwd: context.cwd,
		host: options.host,
		port: options.port ?? usualPort,
		exactPort: options.port !== undefined,
		allowHosts: options.allowHost,
		readOnly: options.readOnly === true,
		pages: fileURLToPath(new URL("./studio", import.meta.url)),
		version,
		report: (error) => context.stderr.write(faultText(error, context.debug)),
		...(token === undefined ? {} : { token }),
	});
	// A document, because the token must not be redacted here.
	context.stdout.write(`AgentV Studio: ${running.url}\n`, "document");
	context.stderr.write("Press Ctrl-C to stop.\n");
	if (options.open && context.stdout.isTTY && !context.env.CI) await openInBrowser(running.linkForOneUse(), env);
	await new Promise<void>((stop) => {
		if (context.signal.aborted) stop();
		context.signal.addEventListener("abort", () => stop(), { once: true });
	});
	const ended = await running.close();
	return { text: "", exitCode: ended > 0 ? 130 : 0 };
}

function faultText(error: unknown, debug: boolean): string {
	const text = error instanceof Error ? ((debug ? error.stack : undefined) ?? error.message) : String(error);
	return `fault: ${text}\n`;
}
