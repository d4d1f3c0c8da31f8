import type { AgentRuleKind } from "../model/eval-types.ts";

export type AgentRulesPaths = { readonly [Kind in AgentRuleKind]?: readonly string[] };

/** What extensions have returned so far; each test continues from the run-level state. */
export interface ExtensionState {
	readonly providerContext: Readonly<Record<string, unknown>>;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly agentRulesPaths: AgentRulesPaths | undefined;
}

export const emptyState: ExtensionState = { providerContext: {}, metadata: {}, agentRulesPaths: undefined };

/**
 * Returns the state after an extension returned `value`:
 * `{provider_context, metadata, agent_rules_paths}`, or nothing.
 * @throws Error with what is wrong with it
 */
export function withReturned(state: ExtensionState, value: unknown): ExtensionState {
	if (value === null || value === undefined) return state;
	const { provider_context, metadata, agent_rules_paths } = objectOf(value, "what it returned");
	return {
		providerContext: { ...state.providerContext, ...objectOf(provider_context ?? {}, "provider_context") },
		metadata: { ...state.metadata, ...objectOf(metadata ?? {}, "metadata") },
		agentRulesPaths:
			agent_rules_paths === undefined || agent_rules_paths === null
				? state.agentRulesPaths
				: joinPaths(state.agentRulesPaths, pathsOf(agent_rules_paths)),
	};
}

/** Joins both lists of each kind, without repeats. */
export function joinPaths(first: AgentRulesPaths | undefined, second: AgentRulesPaths): AgentRulesPaths {
	const kinds = new Set([...Object.keys(first ?? {}), ...Object.keys(second)]) as Set<AgentRuleKind>;
	return Object.fromEntries(
		[...kinds].map((kind) => [kind, [...new Set([...(first?.[kind] ?? []), ...(second[kind] ?? [])])]]),
	);
}

/** Returns the state with every path below `from` moved below `to`. */
export function relocated(state: ExtensionState, from: string, to: string): ExtensionState {
	if (from === to) return state;
	const move = (value: unknown): unknown => {
		if (typeof value === "string") {
			return value === from || value.startsWith(`${from}/`) ? to + value.slice(from.length) : value;
		}
		if (Array.isArray(value)) return value.map(move);
		if (typeof value !== "object" || value === null) return value;
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, move(item)]));
	};
	return move(state) as ExtensionState;
}

/** Returns `providerContext` or `metadata` as passed to the target and the record. */
export function withRules(
	values: Readonly<Record<string, unknown>>,
	{ agentRulesPaths }: ExtensionState,
): Readonly<Record<string, unknown>> {
	return agentRulesPaths === undefined ? values : { ...values, agent_rules_paths: agentRulesPaths };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
	throw new Error(`${what} is not an object of {provider_context, metadata, agent_rules_paths}`);
}

function pathsOf(value: unknown): AgentRulesPaths {
	const result: Partial<Record<AgentRuleKind, string[]>> = {};
	for (const [kind, paths] of Object.entries(objectOf(value, "agent_rules_paths"))) {
		const list = typeof paths === "string" ? [paths] : paths;
		if (!["skills", "hooks", "agents", "rules"].includes(kind) || !Array.isArray(list)) {
			throw new Error(
				`agent_rules_paths has ${JSON.stringify(kind)}: expected lists of skills, hooks, agents and rules`,
			);
		}
		result[kind as AgentRuleKind] = list.map(String);
	}
	return result;
}
