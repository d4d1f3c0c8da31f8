import { useId } from "react";
import classes from "./field.module.css";

interface FieldProps {
	readonly label: string;
	readonly hint?: string;
	readonly value: string;
	readonly onChange: (value: string) => void;
	readonly required?: boolean;
	readonly mono?: boolean;
	readonly inputMode?: "numeric" | "text";
}

/** A labelled line of text in a form. */
export function Field({ label, hint, value, onChange, required, mono, inputMode = "text" }: FieldProps) {
	const about = useId();
	return (
		<label className={classes.field}>
			<span className={classes.label}>
				{label}
				{required ? null : <span className={classes.optional}>optional</span>}
			</span>
			<input
				className={mono ? "mono" : undefined}
				value={value}
				required={required}
				inputMode={inputMode}
				spellCheck={false}
				autoComplete="off"
				autoCapitalize="off"
				aria-describedby={hint ? about : undefined}
				onChange={(event) => onChange(event.target.value)}
			/>
			{hint ? (
				<span id={about} className={classes.hint}>
					{hint}
				</span>
			) : null}
		</label>
	);
}

interface CheckProps {
	readonly label: string;
	readonly hint?: string;
	readonly checked: boolean;
	readonly onChange: (checked: boolean) => void;
}

/** A yes or no in a form. */
export function Check({ label, hint, checked, onChange }: CheckProps) {
	const about = useId();
	return (
		<label className={classes.check}>
			<input
				type="checkbox"
				checked={checked}
				aria-describedby={hint ? about : undefined}
				onChange={(event) => onChange(event.target.checked)}
			/>
			<span>
				{label}
				{hint ? (
					<span id={about} className={classes.hint}>
						{hint}
					</span>
				) : null}
			</span>
		</label>
	);
}

interface ChoiceProps {
	readonly label: string;
	readonly value: string;
	/** Value and words. */
	readonly options: readonly (readonly [value: string, words: string])[];
	readonly onChange: (value: string) => void;
}

/** One of a few, in a row of filters. */
export function Choice({ label, value, options, onChange }: ChoiceProps) {
	return (
		<label className={classes.choice}>
			<span>{label}</span>
			<select value={value} onChange={(event) => onChange(event.target.value)}>
				{options.map(([key, words]) => (
					<option key={key} value={key}>
						{words}
					</option>
				))}
			</select>
		</label>
	);
}
