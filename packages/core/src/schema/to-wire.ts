import { toWireKey } from "./wire-object.ts";

const wireKeys = new Map<string, string>();

/**
 * Returns one of our objects as written to files: its own keys in `snake_case`, without undefined
 * ones. Values are not converted, so that users' data keeps its keys; convert nested objects
 * separately.
 */
export function toWire(object: object): Record<string, unknown> {
	const wire: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(object)) {
		if (value === undefined) continue;
		let key = wireKeys.get(name);
		if (key === undefined) {
			key = toWireKey(name);
			wireKeys.set(name, key);
		}
		wire[key] = value;
	}
	return wire;
}
