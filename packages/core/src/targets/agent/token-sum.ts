import type { TokenUsage } from "../contract.ts";

export class TokenSum {
	#sum: TokenUsage | undefined;
	#isKnown = true;

	/** Adds a call. A call without input or output tokens makes the sum unknown. */
	add({ input, output, cached, reasoning }: { readonly [Key in keyof TokenUsage]: number | undefined }): void {
		if (input === undefined || output === undefined) {
			this.#isKnown = false;
			return;
		}
		const before = this.#sum;
		this.#sum = {
			input: (before?.input ?? 0) + input,
			output: (before?.output ?? 0) + output,
			cached: (before?.cached ?? 0) + (cached ?? 0),
			...(reasoning === undefined && before?.reasoning === undefined
				? {}
				: { reasoning: (before?.reasoning ?? 0) + (reasoning ?? 0) }),
		};
	}

	/** Undefined if no call was counted, or the usage of one is unknown. */
	get usage(): TokenUsage | undefined {
		return this.#isKnown ? this.#sum : undefined;
	}
}
