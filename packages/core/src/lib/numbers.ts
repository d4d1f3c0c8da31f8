/** Returns a human-readable size: `0 B`, `4.2 kB`, `120 MB`. */
export function formatBytes(bytes: number): string {
	if (bytes < 1000) return `${bytes} B`;
	const units = ["kB", "MB", "GB", "TB"];
	let value = bytes / 1000;
	let unit = 0;
	while (value >= 999.5 && unit < units.length - 1) {
		value /= 1000;
		unit += 1;
	}
	return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Returns a human-readable duration: `850ms`, `12.3s`, `2m 05s`, `1h 02m`. */
export function formatDuration(milliseconds: number): string {
	const total = Math.max(0, milliseconds);
	if (Math.round(total) < 1000) return `${Math.round(total)}ms`;
	if (total < 59_950) return `${(total / 1000).toFixed(1)}s`;
	const seconds = Math.round(total / 1000);
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
	const minutes = Math.round(seconds / 60);
	return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

function twoDigits(number: number): string {
	return String(number).padStart(2, "0");
}

/** A mean over the graded items, with its lower bound. */
export interface BoundedMean {
	/** Null if nothing was graded. */
	readonly mean: number | null;
	/** The mean counting 0 for what the agent broke. Null if nothing was graded or broken. */
	readonly lowerBound: number | null;
	readonly n: number;
	readonly planned: number;
}

interface MeanParts {
	/** Sum over the graded items. */
	readonly total: number;
	readonly n: number;
	/** `total` plus the items that the agent broke, whose broken attempts count 0. */
	readonly lowestTotal: number;
	/** Number of items that were not graded because of the agent. */
	readonly broken: number;
	readonly planned: number;
}

/** Every mean or rate that is shown or compared comes from here. */
export function boundedMean({ total, n, lowestTotal, broken, planned }: MeanParts): BoundedMean {
	return {
		mean: n === 0 ? null : total / n,
		lowerBound: n + broken === 0 ? null : lowestTotal / (n + broken),
		...{ n, planned },
	};
}

/** Returns coverage and a differing lower bound: `11 of 12, at least 0.84`. */
export function boundText({ mean, lowerBound, n, planned }: BoundedMean, format: (value: number) => string): string {
	const isLower = lowerBound !== null && lowerBound !== mean;
	return [...(n < planned ? [`${n} of ${planned}`] : []), ...(isLower ? [`at least ${format(lowerBound)}`] : [])].join(
		", ",
	);
}

/** Returns a mean with its coverage if incomplete: `0.92 (11 of 12, at least 0.84)`. */
export function boundedMeanText(mean: BoundedMean, format: (value: number) => string): string {
	const bound = boundText(mean, format);
	const value = mean.mean === null ? "–" : format(mean.mean);
	return bound === "" || (mean.mean === null && mean.lowerBound === null) ? value : `${value} (${bound})`;
}

/** A sum that is bit-identical regardless of the order in which its numbers are added. */
export class OrderFreeSum {
	readonly #numbers: number[] = [];

	add(number: number): void {
		this.#numbers.push(number);
	}

	get count(): number {
		return this.#numbers.length;
	}

	get total(): number {
		return Float64Array.from(this.#numbers)
			.sort()
			.reduce((sum, number) => sum + number, 0);
	}
}

/** Returns a seeded generator of numbers in [0, 1), reproducible on every platform. */
export function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
