import { toWireKey } from "./wire-object.ts";

const wireKeys = new Map<string, string>();

/**
 * An object of ours as it is written: its own keys in `snake_case`, undefined ones left out. Values are taken as they are, so that users'
 * data keeps its keys; nested objects of ours are turned by their own call.
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
