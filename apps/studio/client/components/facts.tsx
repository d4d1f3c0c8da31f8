import type { ReactNode } from "react";
import classes from "./facts.module.css";

/** Terms and what they are, one below the other. */
export function Facts({ children }: { children: ReactNode }) {
	return <dl className={classes.facts}>{children}</dl>;
}

export function Fact({ term, children }: { term: string; children: ReactNode }) {
	return (
		<div>
			<dt>{term}</dt>
			<dd>{children}</dd>
		</div>
	);
}
