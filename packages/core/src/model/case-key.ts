/** Returns what identifies a test with a target in records, across runs. */
export function caseKey(evalLabel: string, testId: string, target: string): string {
	return JSON.stringify([evalLabel, testId, target]);
}
