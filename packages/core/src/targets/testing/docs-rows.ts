import { providers } from "../providers/index.ts";

export const providerHeadings = ["provider", "runs", "needs", "cost"];

/** Returns the rows of the table in docs/targets.md. */
export function providerRows(): string[][] {
	return Object.values(providers).map(({ name, runs, needs, cost }) => [`\`${name}\``, runs, needs, cost]);
}
