export function TestResult() {
	return <p>TestResult</p>;
}
