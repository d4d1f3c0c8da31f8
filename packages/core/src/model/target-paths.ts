import { hooksSchema } from "../schema/workspace-entry.ts";
import type { CommandSpec } from "./command.ts";
import type { Hooks } from "./eval-types.ts";
import { readHooks } from "./load-workspace.ts";
import type { PathText } from "./path-text.ts";
import { commandOf, isCommandText, readCommand } from "./read-command.ts";
import type { LoadLog } from "./read-shape.ts";
import { child, type Part } from "./source.ts";

/** A definition, or an inline target, with settings. */
export interface TargetLayer {
	readonly part: Part;
	readonly base: string;
}

/** A target's references to files. */
export interface TargetPaths {
	readonly hooks: Hooks;
	readonly command?: CommandSpec;
	readonly healthcheck?: CommandSpec;
	readonly cwd?: PathText;
	readonly fixtures?: PathText;
}

/** Returns the settings that are paths or commands, each relative to its layer's file. */
export function targetPaths(
	wire: Record<string, unknown>,
	origin: ReadonlyMap<string, TargetLayer>,
	log: LoadLog,
): TargetPaths {
	const layer = (key: string) => origin.get(key);
	const path = (key: string): PathText | undefined => {
		const from = layer(key);
		const raw = wire[key];
		return from && typeof raw === "string" ? { raw, at: child(from.part, key).at, base: from.base } : undefined;
	};
	const cwd = path("cwd");
	const fixtures = path("fixtures");
	const commandLayer = layer("command");
	const command =
		commandLayer && isCommandText(wire.command)
			? {
					...readCommand(wire.command, child(commandLayer.part, "command"), commandLayer.base),
					...(cwd ? { cwd } : {}),
				}
			: undefined;
	const healthcheck = healthcheckOf(wire.healthcheck, layer("healthcheck"));
	const hookLayer = layer("hooks");
	const hooks =
		hookLayer && hooksSchema.safeParse(wire.hooks).success
			? readHooks(child(hookLayer.part, "hooks"), hookLayer.base, log)
			: {};
	return {
		hooks,
		...(command ? { command } : {}),
		...(healthcheck ? { healthcheck } : {}),
		...(cwd ? { cwd } : {}),
		...(fixtures ? { fixtures } : {}),
	};
}

function healthcheckOf(value: unknown, layer: TargetLayer | undefined): CommandSpec | undefined {
	if (!layer) return undefined;
	const part = child(layer.part, "healthcheck");
	if (isCommandText(value)) return readCommand(value, part, layer.base);
	const entry = typeof value === "object" && value !== null ? (value as { command?: unknown; cwd?: unknown }) : {};
	return isCommandText(entry.command)
		? commandOf(entry.command, part, "command", typeof entry.cwd === "string" ? entry.cwd : undefined, layer.base)
		: undefined;
}
