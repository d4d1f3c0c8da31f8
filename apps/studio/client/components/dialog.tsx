import { CloseButton } from "@mantine/core";
import { type ReactNode, useEffect, useId, useRef } from "react";
import classes from "./dialog.module.css";

interface DialogProps {
	readonly title: string;
	readonly onClose: () => void;
	readonly children: ReactNode;
	/** The row of buttons at its foot. */
	readonly actions?: ReactNode;
	/** For diffs and lists. */
	readonly wide?: boolean;
}

/** A dialog of the browser's own: focus stays in it, Escape closes it, focus goes back to where it was. */
export function Dialog({ title, onClose, children, actions, wide }: DialogProps) {
	const heading = useId();
	const place = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		const before = document.activeElement;
		place.current?.showModal();
		return () => {
			if (before instanceof HTMLElement) before.focus();
		};
	}, []);
	return (
		<dialog
			ref={place}
			className={classes.dialog}
			data-wide={wide || undefined}
			aria-labelledby={heading}
			onCancel={(event) => {
				event.preventDefault();
				onClose();
			}}
		>
			<div className={classes.head}>
				<h2 id={heading} className={classes.title}>
					{title}
				</h2>
				<CloseButton aria-label="Close" onClick={onClose} />
			</div>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
			<div className={classes.body} tabIndex={0}>
				{children}
			</div>
			{actions ? <div className={classes.actions}>{actions}</div> : null}
		</dialog>
	);
}
