import type { ReactNode } from "react";
import classes from "./chips.module.css";

/** A row of links that each show one part of a list. */
export function Chips({ label, children }: { label: string; children: ReactNode }) {
	return (
		<nav aria-label={label} className={classes.chips}>
			{children}
		</nav>
	);
}

/** What the link of a part looks like. */
export const chipClass = classes.chip;
