import type { ReactNode } from "react";
import classes from "./empty.module.css";
import { Icon, type IconName } from "./icon.tsx";

/** Nothing to show, why, and what one can do about it. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
	return (
		<div className={classes.empty}>
			<Icon name={icon} size={26} />
			<p className={classes.title}>{title}</p>
			{children}
		</div>
	);
}
