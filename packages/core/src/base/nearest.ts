export function nearestName(name: string, known: readonly string[]): string | undefined {
	return known.find((k) => k.startsWith(name.slice(0, 3)));
}
