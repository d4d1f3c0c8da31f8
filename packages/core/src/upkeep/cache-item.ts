/**
 * `mirror`: a repository's mirror; `call`: an answer of a language model; `workspace`: the workspaces of a run; `temporary`: what a
 * process needs while it runs.
 */
export const cacheKinds = ["mirror", "call", "workspace", "temporary"] as const;
export type CacheKind = (typeof cacheKinds)[number];

/** Something that AgentV keeps and could do without. */
export interface CacheItem {
	readonly kind: CacheKind;
	/** Absolute. */
	readonly path: string;
	/** What people know it by, where that is not its path: a mirror's repository. */
	readonly name?: string;
	readonly bytes: number;
	/** When it was last of use, in milliseconds since 1970. */
	readonly usedAt: number;
	readonly state: CacheItemState;
}

/** `left`: of a process that was killed, of use to nobody. */
export type CacheItemState =
	| { readonly is: "idle" }
	| { readonly is: "left" }
	| { readonly is: "in-use" /** 0: unknown */; readonly pid: number }
	/** A link stands in its place, or something that is not ours: it is not touched. */
	| { readonly is: "foreign"; readonly reason: string };
