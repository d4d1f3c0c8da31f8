import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ComparisonResponse } from "../../server/compare.ts";
import { RichText } from "../components/code.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Choice } from "../components/form.tsx";
import { columns, LoadState } from "../components/page.tsx";
import { TestBadge } from "../components/status.tsx";
import { testResultQuery } from "../lib/api.ts";
import { score } from "../lib/format.ts";

interface OutputsDialogProps {
	readonly comparison: ComparisonResponse;
	readonly opened: ComparisonResponse["cases"]["items"][number];
	readonly onClose: () => void;
}

export default function OutputsDialog({ comparison, opened, onClose }: OutputsDialogProps) {
	const [before, after] = opened.rows;
	return (
		<Dialog title={opened.test_id} onClose={onClose} wide>
			<div style={columns(320, "20px")}>
				<Side title="Before" run={comparison.before} rows={before} />
				<Side title="After" run={comparison.after} rows={after} />
			</div>
		</Dialog>
	);
}

function Side({ title, run, rows }: { title: string; run: string; rows: readonly string[] }) {
	const [attempt, setAttempt] = useState(0);
	const row = rows[attempt];
	return (
		<section aria-label={title} style={{ minWidth: 0 }}>
			<Group gap="6px 14px" mb={6}>
				<h3>{title}</h3>
				{rows.length > 1 ? (
					<Choice
						label="Attempt"
						value={String(attempt)}
						options={rows.map((_, index) => [String(index), `${index + 1} of ${rows.length}`] as const)}
						onChange={(next) => setAttempt(Number(next))}
					/>
				) : null}
			</Group>
			{row === undefined ? <p className="dim">Not in this run.</p> : <Output run={run} row={row} />}
		</section>
	);
}

function Output({ run, row }: { run: string; row: string }) {
	const result = useQuery(testResultQuery(run, row));
	return (
		<LoadState query={result}>
			{({ execution_status: status, score: value, output, error, scores }) => (
				<>
					<Group gap="sm" mb={6}>
						<TestBadge status={status} />
						{status === "execution_error" ? null : `score ${score(value)}`}
						<Link to="/runs/$run/tests/$test" params={{ run, test: row }}>
							Details
						</Link>
					</Group>
					{error ? <p>{error.message}</p> : null}
					<Group component="ul" gap="2px 16px" mb="xs" c="dimmed" fz="xs">
						{scores.map(({ name, score: grade, verdict }, index) => (
							// biome-ignore lint/suspicious/noArrayIndexKey: graders may share a name
							<li key={index}>
								{name}{" "}
								{grade === null ? (
									"not graded"
								) : (
									<Text span fz="xs" c={verdict === "pass" ? "var(--good)" : "var(--bad)"}>
										{score(grade)}
									</Text>
								)}
							</li>
						))}
					</Group>
					<RichText label="the output" text={output ?? ""} />
				</>
			)}
		</LoadState>
	);
}
