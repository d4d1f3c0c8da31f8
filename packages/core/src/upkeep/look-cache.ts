import { agentvHome, type Environment } from "../io/environment.ts";
import type { CacheItem } from "./cache-item.ts";
import { lookCalls } from "./look-calls.ts";
import { lookTemporaries, lookWorkspaces } from "./look-directories.ts";
import { lookMirrors } from "./look-mirrors.ts";
import type { LookOptions } from "./look-options.ts";

/** All that AgentV keeps on this machine and could do without. Changes nothing. @throws AgentvError `interrupted` */
export async function lookCache(env: Environment, limits: Omit<LookOptions, "home">): Promise<CacheItem[]> {
	const look: LookOptions = { home: agentvHome(env), ...limits };
	return [
		...(await lookMirrors(look)),
		...(await lookCalls(look)),
		...(await lookWorkspaces(look)),
		...(await lookTemporaries(look)),
	];
}
