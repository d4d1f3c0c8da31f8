import type { ReactNode } from "react";
import classes from "./tabs.module.css";

/** A row of links, one for each part of a screen; the address says which one is shown. */
export function Tabs({ label, children }: { label: string; children: ReactNode }) {
	return (
		<nav aria-label={label} className={classes.tabs}>
			{children}
		</nav>
	);
}

/** What the link of a tab looks like. */
export const tabClass = classes.tab;
