import type { ModelSettings } from "./language-model-target.ts";

/** Where a target's requests go, and with which key. */
export interface ModelAddress {
	/** As the target says; `undefined`: the vendor's own. */
	readonly given: string | undefined;
	readonly apiKey: string | undefined;
}

/** The vendor's variable serves the vendor's own address only: a key must not go to whatever server an eval names. */
export function modelAddress(settings: ModelSettings, vendorKey: string | undefined): ModelAddress {
	// `${{ URL:-}}` may be empty, which says the vendor's own.
	const given = settings.baseUrl || settings.endpoint || undefined;
	return { given, apiKey: settings.apiKey ?? (given === undefined ? vendorKey : undefined) };
}

/** An address with the version that the vendor's paths begin with, where it has none: gateways are often named without. */
export function versioned(address: string, version: string): string {
	const trimmed = address.replace(/(?<!\/)\/+$/, "");
	return /\/v\d[a-z0-9]*$/.test(trimmed) ? trimmed : `${trimmed}/${version}`;
}
