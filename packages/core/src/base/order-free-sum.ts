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
