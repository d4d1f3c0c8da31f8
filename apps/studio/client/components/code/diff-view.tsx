import { useMemo } from "react";
import { type DiffLine, parseDiff } from "../../lib/parse-diff.ts";
import classes from "./diff-view.module.css";
import { Lines } from "./lines.tsx";

const signs: Readonly<Record<DiffLine["kind"], string>> = {
	added: "+",
	removed: "−",
	same: "",
	file: "",
	hunk: "",
	note: "",
};

interface DiffViewProps {
	readonly label: string;
	readonly diff: string;
	/** Its file's name stands above it already. */
	readonly oneFile?: boolean;
}

/** A unified diff of one or more files. */
export function DiffView({ label, diff, oneFile }: DiffViewProps) {
	const lines = useMemo(() => parseDiff(diff).filter(({ kind }) => !(oneFile && kind === "file")), [diff, oneFile]);
	return (
		<Lines
			label={label}
			count={lines.length}
			line={(index) => {
				const line = lines[index];
				if (!line) return null;
				if (line.kind === "file" || line.kind === "hunk" || line.kind === "note")
					return (
						<div className={classes.heading} data-kind={line.kind}>
							<span>{line.text}</span>
						</div>
					);
				return (
					<div className={classes.line} data-kind={line.kind}>
						<span className={classes.numbers}>
							<span>{line.before}</span>
							<span>{line.after}</span>
							<span>{signs[line.kind]}</span>
						</span>
						<code className={classes.code}>{`${line.text}\n`}</code>
					</div>
				);
			}}
		/>
	);
}
