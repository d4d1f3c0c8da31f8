/** Returns the closest entry, if at most about a third of its letters differ. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
	return nearestNames(name, known, 1)[0];
}

/** Returns up to `most` likely intended names, nearest first; letter case counts for little. */
export function nearestNames(name: string, known: Iterable<string>, most = 3): string[] {
	const found: { name: string; distance: number }[] = [];
	for (const candidate of new Set(known)) {
		const length = Math.max(name.length, candidate.length);
		// Long names are generated ids: comparing them is slow and useless.
		if (length > 200 || candidate === name) continue;
		const allowed = Math.min(Math.max(1, Math.ceil(length / 3)), length - 1);
		const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), allowed);
		if (distance <= allowed) found.push({ name: candidate, distance });
	}
	// The sort is stable: among equally near names the first of `known` stays first.
	return found
		.sort((a, b) => a.distance - b.distance)
		.slice(0, most)
		.map((one) => one.name);
}

/** Returns the Damerau–Levenshtein distance; gives up above `most`. */
export function editDistance(a: string, b: string, most = Number.POSITIVE_INFINITY): number {
	if (Math.abs(a.length - b.length) > most) return most + 1;
	let beforeLast: number[] = [];
	let last = Array.from({ length: b.length + 1 }, (_, column) => column);
	for (let row = 1; row <= a.length; row++) {
		const current = [row];
		for (let column = 1; column <= b.length; column++) {
			const same = a[row - 1] === b[column - 1];
			let best = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
			const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
			if (swapped) best = Math.min(best, at(beforeLast, column - 2) + 1);
			current.push(best);
		}
		if (Math.min(...current) > most) return most + 1;
		beforeLast = last;
		last = current;
	}
	return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
	return row[column] ?? Number.POSITIVE_INFINITY;
}
