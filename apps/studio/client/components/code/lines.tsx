import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import classes from "./lines.module.css";

interface LinesProps {
	readonly label: string;
	readonly count: number;
	readonly line: (index: number) => ReactNode;
	/** Index of a line to bring into sight. */
	readonly goTo?: number | undefined;
}

/** Up to so many lines all are in the page, so that the browser's own search finds them. */
const mostWhole = 2000;

/** Lines of text that scroll sideways together; of very long ones only those in sight are in the page. */
export function Lines(props: LinesProps) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section className={classes.scroller} aria-label={props.label} tabIndex={0}>
			{props.count <= mostWhole ? <Whole {...props} /> : <InSight {...props} />}
		</section>
	);
}

function Whole({ count, line, goTo }: LinesProps) {
	const place = useRef<HTMLDivElement>(null);
	useEffect(() => {
		if (goTo !== undefined) place.current?.children[goTo]?.scrollIntoView({ block: "center" });
	}, [goTo]);
	return (
		<div className={classes.whole} ref={place}>
			{Array.from({ length: count }, (_, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
				<div key={index}>{line(index)}</div>
			))}
		</div>
	);
}

function InSight({ count, line, goTo }: LinesProps) {
	const place = useRef<HTMLDivElement>(null);
	const [offset, setOffset] = useState(0);
	useLayoutEffect(() => {
		setOffset((place.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
	}, []);
	const virtual = useWindowVirtualizer({
		count,
		estimateSize: () => 20,
		overscan: 30,
		scrollMargin: offset,
		useFlushSync: false,
	});
	useEffect(() => {
		if (goTo !== undefined) virtual.scrollToIndex(goTo, { align: "center" });
	}, [goTo, virtual]);
	return (
		<div ref={place} className={classes.some} style={{ height: virtual.getTotalSize() }}>
			{virtual.getVirtualItems().map((item) => (
				<div
					key={item.key}
					ref={virtual.measureElement}
					data-index={item.index}
					className={classes.placed}
					style={{ transform: `translateY(${item.start - offset}px)` }}
				>
					{line(item.index)}
				</div>
			))}
		</div>
	);
}
