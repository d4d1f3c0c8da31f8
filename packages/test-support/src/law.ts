/**
 * Runs all `rounds` with AGENTV_TEST_ROUNDS=full, else a tenth. To repeat a run with its printed
 * seed: `AGENTV_TEST_SEED=… npx vitest run <file>`.
 */
export function law(rounds: number): { numRuns: number; seed?: number } {
	const numRuns = process.env["AGENTV_TEST_ROUNDS"] === "full" ? rounds : Math.max(1, Math.ceil(rounds / 10));
	const seed = Number.parseInt(process.env["AGENTV_TEST_SEED"] ?? "", 10);
	return Number.isNaN(seed) ? { numRuns } : { numRuns, seed };
}
