/** A mean over the graded items, with its lower bound. */
export interface BoundedMean {
	/** Null if nothing was graded. */
	readonly mean: number | null;
	/** The mean counting 0 for what the agent broke. Null if nothing was graded or broken. */
	readonly lowerBound: number | null;
	/** Number of graded items. */
	readonly n: number;
	readonly planned: number;
}

export interface MeanParts {
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
