import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/Checkbox.css";
import { Checkbox, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";
import classes from "./data-table.module.css";
import { Icon } from "./status.tsx";

interface FieldProps {
	readonly label: string;
	readonly hint?: string;
	readonly value: string;
	readonly onChange: (value: string) => void;
	readonly required?: boolean;
	readonly inputMode?: "numeric" | "text";
}

export function Field({ label, hint, value, onChange, required = false, inputMode = "text" }: FieldProps) {
	return (
		<TextInput
			mb="sm"
			label={label}
			description={hint}
			inputWrapperOrder={["label", "input", "description"]}
			value={value}
			required={required}
			inputMode={inputMode}
			spellCheck={false}
			autoComplete="off"
			autoCapitalize="off"
			onChange={(event) => onChange(event.target.value)}
		/>
	);
}

interface CheckProps {
	readonly label: string;
	readonly hint?: string;
	readonly checked: boolean;
	readonly onChange: (checked: boolean) => void;
}

export function Check({ label, hint, checked, onChange }: CheckProps) {
	return (
		<Checkbox
			mb="xs"
			label={label}
			description={hint}
			checked={checked}
			onChange={(event) => onChange(event.target.checked)}
		/>
	);
}

interface ChoiceProps<Value extends string> {
	readonly label: string;
	readonly value: Value;
	readonly options: readonly (readonly [value: Value, label: string])[];
	readonly onChange: (value: Value) => void;
}

export function Choice<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
	return (
		<Group component="label" c="dimmed" fz="sm" gap={7} wrap="nowrap">
			{label}
			<NativeSelect
				maw={220}
				value={value}
				rightSection={<Icon name="sort" size={12} />}
				data={options.map(([key, text]) => ({ value: key, label: text }))}
				onChange={(event) => onChange(event.target.value as Value)}
			/>
		</Group>
	);
}

interface SearchFieldProps {
	readonly label: string;
	readonly value: string;
	/** Called after a pause in typing. */
	readonly onChange: (value: string) => void;
}

const debounceMs = 200;

export function SearchField({ label, value, onChange }: SearchFieldProps) {
	const [text, setText] = useState(value);
	const reported = useRef(value);
	const latest = useRef(onChange);
	latest.current = onChange;
	useEffect(() => {
		// The back button or a link has changed the address.
		if (value !== reported.current) setText(value);
		reported.current = value;
	}, [value]);
	useEffect(() => {
		if (text === reported.current) return;
		const timer = setTimeout(() => {
			reported.current = text;
			latest.current(text);
		}, debounceMs);
		return () => clearTimeout(timer);
	}, [text]);
	return (
		<TextInput
			type="search"
			className={classes.search}
			leftSection={<Icon name="search" />}
			aria-label={label}
			placeholder={label}
			value={text}
			onChange={(event) => setText(event.target.value)}
		/>
	);
}

export function FilterBar({ children, total }: { children: ReactNode; total?: string | undefined }) {
	return (
		<Group gap="10px 14px" mb="xs">
			{children}
			{total === undefined ? null : (
				<Text span c="dimmed" ml="auto">
					{total}
				</Text>
			)}
		</Group>
	);
}
