import { type ReactNode, useId } from "react";
import classes from "./panel.module.css";

interface PanelProps {
	readonly title?: ReactNode;
	/** Beside the title: a count, a control. */
	readonly aside?: ReactNode;
	/** Content reaches the border: tables, code. */
	readonly flush?: boolean;
	readonly children: ReactNode;
}

/** A bordered part of a screen, under its own heading where it has one. */
export function Panel({ title, aside, flush, children }: PanelProps) {
	const heading = useId();
	return (
		<section className={classes.panel} aria-labelledby={title ? heading : undefined}>
			{title ? (
				<div className={classes.head}>
					<h2 id={heading} className={classes.title}>
						{title}
					</h2>
					{aside}
				</div>
			) : null}
			<div className={flush ? undefined : classes.body}>{children}</div>
		</section>
	);
}
