/** A sum that is the same bit for bit in whatever order its numbers were added. */
export class OrderFreeSum {
	readonly #numbers: number[] = [];

	add(number: number): void {
		this.#numbers.push(number);
	}

	/** How many numbers were added. */
	get count(): number {
		return this.#numbers.length;
	}

	get total(): number {
		return Float64Array.from(this.#numbers)
			.sort()
			.reduce((sum, number) => sum + number, 0);
	}
}
