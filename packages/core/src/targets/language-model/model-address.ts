import type { ModelSettings } from "./language-model-target.ts";

/** A target's URL and key. */
export interface ModelAddress {
	/** From the target's settings; undefined: the vendor's own. */
	readonly given: string | undefined;
	readonly apiKey: string | undefined;
}

/**
 * Returns the address and key. The vendor's variable is only used for the vendor's own address: a
 * key must not go to a server that an eval names.
 */
export function modelAddress(settings: ModelSettings, vendorKey: string | undefined): ModelAddress {
	// `${{ URL:-}}` can be empty, which selects the vendor's own.
	const given = settings.baseUrl || settings.endpoint || undefined;
	return { given, apiKey: settings.apiKey ?? (given === undefined ? vendorKey : undefined) };
}

/** Adds the vendor's version path, which gateways are often configured without. */
export function versioned(address: string, version: string): string {
	const trimmed = address.replace(/(?<!\/)\/+$/, "");
	return /\/v\d[a-z0-9]*$/.test(trimmed) ? trimmed : `${trimmed}/${version}`;
}
