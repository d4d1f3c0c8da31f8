import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";
import classes from "./mark.module.css";

/** What a mark or note says at a glance; never by colour alone. */
export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

/** A state in one or two words, with its sign. */
export function Mark({
	tone,
	icon,
	children,
	title,
}: {
	tone: Tone;
	icon: IconName;
	children: ReactNode;
	title?: string | undefined;
}) {
	return (
		<span className={classes.mark} data-tone={tone} title={title}>
			<Icon name={icon} size={13} />
			{children}
		</span>
	);
}

/** A mark that is not known yet. */
export function PendingMark({ label }: { label: string }) {
	return (
		<span className={classes.pending}>
			<span className={classes.label}>{label}</span>
		</span>
	);
}
