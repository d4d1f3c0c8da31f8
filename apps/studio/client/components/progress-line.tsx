import classes from "./progress-line.module.css";

/** How far something is, in words and as a line. `percent` null: under way, its end not known. */
export function ProgressLine({ label, percent }: { label: string; percent: number | null }) {
	const known = percent === null ? undefined : Math.max(0, Math.min(100, percent));
	return (
		<div className={classes.progress}>
			<div className={classes.words}>
				<span>{label}</span>
				<span className={classes.percent}>{known === undefined ? "" : `${Math.floor(known)} %`}</span>
			</div>
			<div
				className={classes.track}
				role="progressbar"
				aria-label={label}
				aria-valuemin={0}
				aria-valuemax={100}
				aria-valuenow={known === undefined ? undefined : Math.floor(known)}
			>
				<div
					className={known === undefined ? classes.unknown : classes.bar}
					style={known === undefined ? undefined : { width: `${known}%` }}
				/>
			</div>
		</div>
	);
}
