import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { onTestFinished } from "vitest";

/** A running Studio with a separate home. */
export interface OpenStudio {
	/** `http://127.0.0.1:<port>/`. */
	readonly url: string;
	readonly token: string;
	/** Returns the link that logs a browser in and opens `path`, which has no leading slash. */
	link(path?: string): string;
	/** Its working directory. */
	readonly cwd: string;
	/** `AGENTV_HOME`. */
	readonly home: string;
	/** Runs another `agentv` command with the same directories and returns its stdout. */
	agentv(...args: string[]): Promise<string>;
	/** Sends SIGINT, like Ctrl-C. */
	stop(): Promise<void>;
}

interface StudioSetting {
	/** Files of its directory. */
	readonly files?: Readonly<Record<string, string>>;
	readonly cwd?: string;
	readonly home?: string;
	readonly args?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
}

const run = promisify(execFile);

/** Starts `agentv studio` on a free port and stops it when the test ends. */
export async function openStudio(setting: StudioSetting = {}): Promise<OpenStudio> {
	const bin = process.env["AGENTV_TEST_STUDIO"];
	if (bin === undefined) throw new Error("AGENTV_TEST_STUDIO is unset: the project needs test/build-once.ts");
	const cwd = setting.cwd ?? tempTree(setting.files);
	const home = setting.home ?? join(tempTree(), "home");
	const env = { ...gitTestEnvironment, HOME: home, AGENTV_HOME: home, CI: "1", ...setting.env };
	const child = spawn(process.execPath, [bin, "studio", "--port", "0", "--no-open", ...(setting.args ?? [])], {
		cwd,
		env,
		stdio: ["ignore", "pipe", "inherit"],
	});
	const ended = once(child, "close");
	const stop = async () => {
		child.kill("SIGINT");
		await ended;
	};
	onTestFinished(stop);
	let said = "";
	const printed = await new Promise<string>((resolve, reject) => {
		child.stdout.on("data", (chunk: Buffer) => {
			said += chunk.toString();
			const found = /AgentV Studio: (\S+)/.exec(said)?.[1];
			if (found) resolve(found);
		});
		child.on("close", (code) => reject(new Error(`studio ended with ${code}: ${said}`)));
	});
	const agentv = async (...args: string[]) => (await run(process.execPath, [bin, ...args], { cwd, env })).stdout;
	const token = new URL(printed).searchParams.get("token") ?? "";
	const link = (path = "") => {
		const to = new URL(path, printed);
		to.searchParams.set("token", token);
		return to.href;
	};
	return { url: new URL("/", printed).href, token, link, cwd, home, agentv, stop };
}
