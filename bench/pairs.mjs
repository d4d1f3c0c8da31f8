import { spawnSync } from "node:child_process";

/**
 * Times two commands alternately, so that other load affects both equally.
 * `baseline` and `subject` are functions or {command: [program, ...args], cwd?, env?, stdout?}.
 * Returns {baseline, subject} medians in milliseconds and `ratio`, the median of the pairs' ratios.
 */
export async function pairs(baseline, subject, { rounds = 31, warmUps = 3 } = {}) {
	for (let round = 0; round < warmUps; round++) {
		await timed(baseline);
		await timed(subject);
	}
	const times = { baseline: [], subject: [], ratio: [] };
	for (let round = 0; round < rounds; round++) {
		const subjectFirst = round % 2 === 1;
		const first = await timed(subjectFirst ? subject : baseline);
		const second = await timed(subjectFirst ? baseline : subject);
		const [ours, theirs] = subjectFirst ? [first, second] : [second, first];
		times.subject.push(ours);
		times.baseline.push(theirs);
		times.ratio.push(ours / theirs);
	}
	return { baseline: median(times.baseline), subject: median(times.subject), ratio: median(times.ratio) };
}

/** Sets the exit code if the ratio exceeds `limit`. */
export function report(name, { baseline, subject, ratio }, limit) {
	const isWithin = limit === undefined || ratio <= limit;
	const verdict = limit === undefined ? "" : `  (limit ${limit} ×: ${isWithin ? "kept" : "EXCEEDED"})`;
	console.log(`${name}: ${subject.toFixed(1)} ms against ${baseline.toFixed(1)} ms = ${ratio.toFixed(2)} ×${verdict}`);
	if (!isWithin) process.exitCode = 1;
}

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function timed(work) {
	const started = performance.now();
	if (typeof work === "function") await work();
	else run(work);
	return performance.now() - started;
}

function run({ command: [program, ...args], cwd, env, exitCodes = [0], stdout = "pipe" }) {
	const result = spawnSync(program, args, {
		cwd,
		env: env ?? process.env,
		stdio: ["ignore", stdout, "pipe"],
		maxBuffer: 2 ** 28,
	});
	if (result.error) throw result.error;
	if (!exitCodes.includes(result.status))
		throw new Error(`${[program, ...args].join(" ")}: exit ${result.status}\n${result.stderr}`);
}
