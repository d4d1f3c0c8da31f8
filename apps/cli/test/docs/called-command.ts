import { type FSWatcher, mkdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agentv, agentvBin } from "@agentv/test-support";
import { onTestFinished } from "vitest";

const list = (file: string) => readFileSync(file, "utf8").split("\0").slice(0, -1);

/**
 * Writes an `agentv` script for shells to `file`, which works until the test ends. It passes its
 * arguments, environment and working directory to this process, which saves starting a process for
 * each command. `agentv studio` is started.
 */
export function calledCommand(file: string, place: string): void {
	const calls = join(place, "calls");
	mkdirSync(join(calls, "asked"), { recursive: true });
	const program = `#!/bin/sh
[ "$1" = studio ] && exec "${process.execPath}" "${agentvBin()}" "$@"
call=$(mktemp -d '${calls}/XXXXXXXX') && mkfifo "$call/code" || exit 125
env -0 > "$call/env"
pwd > "$call/cwd"
printf '%s\\0' "$@" > "$call/words"
: > '${calls}/asked/'"\${call##*/}"
read -r code < "$call/code"
cat "$call/stdout"
cat "$call/stderr" >&2
exit "$code"
`;
	writeFileSync(file, program, { mode: 0o755 });
	const watcher: FSWatcher = watch(join(calls, "asked"), (event, name) => {
		if (event === "rename" && name !== null) void answer(join(calls, name));
	});
	onTestFinished(() => watcher.close());
}

async function answer(call: string): Promise<void> {
	const env = Object.fromEntries(
		list(join(call, "env")).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
	);
	const cwd = readFileSync(join(call, "cwd"), "utf8").replace(/\n$/, "");
	const { exitCode, stdout, stderr } = await agentv(list(join(call, "words")), { cwd, env });
	await writeFile(join(call, "stdout"), stdout);
	await writeFile(join(call, "stderr"), stderr);
	await writeFile(join(call, "code"), `${exitCode}\n`);
}
