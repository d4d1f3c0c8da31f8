import type { ReactNode } from "react";
import classes from "./filter-bar.module.css";

/** What narrows a table, above it: a search field first, then choices; at its end how many rows there are. */
export function FilterBar({ children, total }: { children: ReactNode; total?: string }) {
	return (
		<div className={classes.bar}>
			{children}
			{total === undefined ? null : <span className={classes.total}>{total}</span>}
		</div>
	);
}
