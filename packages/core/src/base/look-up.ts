/** Returns the entry of a table that has this name: text from elsewhere may be `constructor`, which every object answers to. */
export function lookUp<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
	return Object.hasOwn(table, name) ? table[name] : undefined;
}
