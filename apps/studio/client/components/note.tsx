import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";
import type { Tone } from "./mark.tsx";
import classes from "./note.module.css";

const signs: Readonly<Record<Tone, IconName>> = {
	good: "check",
	warn: "warning",
	bad: "warning",
	info: "info",
	quiet: "info",
};

interface NoteProps {
	readonly tone: Tone;
	readonly title?: ReactNode;
	readonly children?: ReactNode;
	/** Read out when it appears: results and refusals. */
	readonly live?: boolean;
	/** At its right end: a button. */
	readonly action?: ReactNode;
}

/** What happened, or what to know, in place. */
export function Note({ tone, title, children, live, action }: NoteProps) {
	const role = live ? (tone === "bad" ? "alert" : "status") : undefined;
	return (
		<div className={classes.note} data-tone={tone} role={role}>
			<span className={classes.sign}>
				<Icon name={signs[tone]} size={15} />
			</span>
			<div className={classes.words}>
				{title ? <div className={classes.title}>{title}</div> : null}
				{children ? <div className={classes.text}>{children}</div> : null}
			</div>
			{action}
		</div>
	);
}
