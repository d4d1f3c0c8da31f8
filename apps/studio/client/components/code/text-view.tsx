import classes from "./text-view.module.css";

/** Text exactly as it is, wrapped. */
export function TextView({ text, label }: { text: string; label: string }) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section className={classes.place} aria-label={label} tabIndex={0}>
			<pre className={classes.text}>{text}</pre>
		</section>
	);
}
