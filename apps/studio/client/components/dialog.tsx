import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Modal.css";
import { Button, Group, Modal } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface DialogProps {
	readonly title: string;
	readonly onClose: () => void;
	readonly children: ReactNode;
	/** Label of the button that closes the dialog; without a label, there is no button. */
	readonly cancel?: string;
	readonly action?: ReactNode;
	/** For diffs and lists. */
	readonly wide?: boolean;
}

/** Keeps focus inside, closes on Escape, and then returns focus to where it was. */
export function Dialog({ title, onClose, children, cancel, action, wide }: DialogProps) {
	useEffect(() => {
		const before = document.activeElement;
		return () => {
			if (before instanceof HTMLElement) before.focus();
		};
	}, []);
	return (
		<Modal.Root
			opened
			onClose={onClose}
			size={wide ? 980 : 560}
			yOffset="7dvh"
			xOffset={12}
			closeOnClickOutside={false}
			lockScroll={false}
			transitionProps={{ duration: 0 }}
			styles={{ content: { display: "flex", flexDirection: "column", overflow: "hidden" } }}
		>
			<Modal.Overlay />
			<Modal.Content>
				<Modal.Header mih={0} py="xs" style={{ borderBottom: "1px solid var(--line)" }}>
					<Modal.Title fw={620} lh={1.4} className="breaks">
						{title}
					</Modal.Title>
					<Modal.CloseButton aria-label="Close" />
				</Modal.Header>
				{/* What scrolls must be reachable by keyboard. */}
				<Modal.Body tabIndex={0} pt="sm" fz="sm" style={{ overflow: "auto", outlineOffset: -3 }}>
					{children}
				</Modal.Body>
				{cancel === undefined ? null : (
					<Group justify="flex-end" gap={8} px="md" py="xs" style={{ borderTop: "1px solid var(--line)" }}>
						<Button onClick={onClose}>{cancel}</Button>
						{action}
					</Group>
				)}
			</Modal.Content>
		</Modal.Root>
	);
}
