import type { z } from "zod";
import type { TargetWith } from "../eval/resolve-target.ts";
import type { CommonSettings } from "../format/target-file.ts";
import type { Target, TargetServices } from "./contract.ts";

export interface ProviderFacts<Name extends string, Settings extends z.ZodType> {
	/** `provider` in targets files. */
	readonly name: Name;
	readonly aliases?: readonly string[];
	/** Cells of the table in docs/targets.md. */
	readonly runs: string;
	readonly needs: string;
	readonly cost: string;
	/** Includes the settings of every target. */
	readonly settings: Settings;
	/** Returns a setting that other settings exclude, as spelled in files. */
	misuse?(wire: Readonly<Record<string, unknown>>): { readonly key: string; readonly hint: string } | undefined;
	/** Cheap and without I/O: connections and processes start in `check` or `invoke`. */
	create(target: TargetWith<Name, z.output<Settings>>, services: TargetServices): Target;
}

/** What a provider states of itself to a frame that completes it. */
export type Definition<Name extends string, Settings extends z.ZodType> = Omit<
	ProviderFacts<Name, Settings>,
	"create" | "needs" | "cost"
> &
	Partial<Pick<ProviderFacts<Name, Settings>, "needs" | "cost">>;

/** Models are retried by default, can grade and be cached, and are called over HTTP. */
export interface ModelFacts {
	readonly kind: "model";
	/** The vendor's own base URL. */
	readonly address: string;
	/**
	 * A variable with the name of the customer's own host below that of `address`, for vendors
	 * without a common one; `resource_name` overrides it.
	 */
	readonly resourceVariable?: string;
	/** Variables with the vendor's key; the first one that is set counts. */
	readonly keys: readonly [string, ...string[]];
	/** The one to recommend, if not the first. */
	readonly recommendedKey?: string;
}

/** Agents work in the workspace, and are programs that inherit the environment. */
export interface AgentFacts {
	readonly kind: "agent";
	/** The default program; undefined if its `command` is required. */
	readonly executable: string | undefined;
	/** Variables with keys that it may read. */
	readonly keys: readonly string[];
}

/** A kind of system under test. One file each in `providers/`, one line in their list. */
export type Provider<
	Name extends string = string,
	Settings extends z.ZodType = z.ZodType<CommonSettings>,
> = ProviderFacts<Name, Settings> & (ModelFacts | AgentFacts | { readonly kind: "program" | "offline" });

/** Infers the settings of `create` from the schema. */
export function defineProvider<const Name extends string, Settings extends z.ZodType>(
	provider: Provider<Name, Settings>,
): Provider<Name, Settings> {
	return provider;
}
