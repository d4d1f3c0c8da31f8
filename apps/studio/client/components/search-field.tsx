import { useEffect, useRef, useState } from "react";
import { Icon } from "./icon.tsx";
import classes from "./search-field.module.css";

interface SearchFieldProps {
	readonly label: string;
	readonly value: string;
	/** Told once typing pauses. */
	readonly onChange: (value: string) => void;
}

const pauseMs = 200;

/** A field that filters what stands below it. */
export function SearchField({ label, value, onChange }: SearchFieldProps) {
	const [text, setText] = useState(value);
	const told = useRef(value);
	const latest = useRef(onChange);
	latest.current = onChange;
	useEffect(() => {
		// The address changed by another way: the back button, a link.
		if (value !== told.current) setText(value);
		told.current = value;
	}, [value]);
	useEffect(() => {
		if (text === told.current) return;
		const timer = setTimeout(() => {
			told.current = text;
			latest.current(text);
		}, pauseMs);
		return () => clearTimeout(timer);
	}, [text]);
	return (
		<label className={classes.field}>
			<Icon name="search" />
			<input
				type="search"
				aria-label={label}
				placeholder={label}
				value={text}
				onChange={(event) => setText(event.target.value)}
			/>
		</label>
	);
}
