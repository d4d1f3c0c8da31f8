import { spawn } from "node:child_process";
import { resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");

/**
 * Streams the output, or captures it with `quiet: true`. Resolves with {exitCode, output}; the exit
 * code is 127 if the program can't be started.
 */
export function run(program, args, { cwd = root, env = process.env, quiet = false } = {}) {
	return new Promise((done) => {
		const child = spawn(program, args, {
			cwd,
			env,
			stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
			shell: process.platform === "win32",
		});
		let output = "";
		const keep = (chunk) => {
			output += chunk;
		};
		child.stdout?.setEncoding("utf8").on("data", keep);
		child.stderr?.setEncoding("utf8").on("data", keep);
		child.on("error", (error) => done({ exitCode: 127, output: `${program}: ${error.message}\n` }));
		child.on("close", (code) => done({ exitCode: code ?? 1, output }));
	});
}

export function tool(file, args, options) {
	return run(process.execPath, [resolve(root, "node_modules", file), ...args], options);
}
