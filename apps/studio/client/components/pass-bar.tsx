import { percent } from "../lib/format.ts";
import classes from "./pass-bar.module.css";

interface Counts {
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	readonly planned: number;
}

/** Passed, failed and not graded as parts of what was planned; the words stand beside it. */
export function PassBar({ counts, words = true }: { counts: Counts; words?: boolean }) {
	const { passed, failed, errors, planned } = counts;
	const share = (part: number) => ({ width: `${planned === 0 ? 0 : (part / planned) * 100}%` });
	const left = Math.max(0, planned - passed - failed - errors);
	const title = [
		`${passed} passed`,
		`${failed} failed`,
		...(errors > 0 ? [`${errors} not graded`] : []),
		...(left > 0 ? [`${left} not run`] : []),
	].join(", ");
	return (
		<span className={classes.pass} title={title}>
			<span className={classes.bar} role="img" aria-label={title}>
				<span data-part="passed" style={share(passed)} />
				<span data-part="failed" style={share(failed)} />
				<span data-part="errors" style={share(errors)} />
			</span>
			{words ? <span className={classes.words}>{planned === 0 ? "–" : percent(passed / planned)}</span> : null}
		</span>
	);
}
