/** What identifies a test with a target in records, whatever run it is in. */
export function caseKey(evalLabel: string, testId: string, target: string): string {
	return JSON.stringify([evalLabel, testId, target]);
}
