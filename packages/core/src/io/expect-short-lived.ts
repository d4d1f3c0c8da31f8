import { setFlagsFromString } from "node:v8";

/**
 * Tells V8 to expect short-lived objects; call it before reading very many rows that are not kept.
 * After long lists were read, V8 pretenures what each row allocates, and collecting that takes a
 * third of the total time. Affects the whole process.
 */
export function expectShortLived(): void {
	setFlagsFromString("--no-allocation-site-pretenuring");
}
