import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { RunHistoryAnswer } from "../../../server/answers/runs.ts";
import { Failure } from "../../components/load-state.tsx";
import { Panel } from "../../components/panel.tsx";
import { evalName } from "../../lib/eval-name.ts";
import { historyQuery, type RunFilter } from "../../lib/queries.ts";
import classes from "./history.module.css";
import { HistoryChart } from "./history-chart.tsx";

/** More lines than these cannot be told apart. */
const mostLines = 8;

/** Pass rate over time, one line for each eval and target. */
export default function History({ filter }: { filter: RunFilter }) {
	const history = useQuery(historyQuery(filter));
	if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
	if (!history.data) return <div className={classes.space} />;
	const drawn = history.data.series.filter(({ points }) => points.length > 0);
	const series = drawn.sort((a, b) => latest(b) - latest(a));
	if (series.length === 0) return null;
	return (
		<div className={classes.history}>
			<Panel
				title="Pass rate over time"
				aside={series.length > mostLines ? `the ${mostLines} latest of ${series.length}` : undefined}
			>
				<Lines series={series.slice(0, mostLines)} />
			</Panel>
		</div>
	);
}

type Series = RunHistoryAnswer["series"][number];

function latest({ points }: Series): number {
	return Date.parse(points.at(-1)?.started_at ?? "") || 0;
}

function Lines({ series }: { series: readonly Series[] }) {
	const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
	const names = series.map(({ eval: file, target }) => ({
		key: `${file} ${target}`,
		label: `${evalName(file)} · ${target}`,
	}));
	const toggle = (key: string) =>
		setHidden((before) => {
			const next = new Set(before);
			if (!next.delete(key)) next.add(key);
			return next;
		});
	return (
		<>
			<HistoryChart
				lines={series.map(({ points }, index) => ({
					label: names[index]?.label ?? "",
					color: `var(--line-${index + 1})`,
					points: hidden.has(names[index]?.key ?? "") ? [] : points,
				}))}
			/>
			<ul className={classes.legend}>
				{names.map(({ key, label }, index) => (
					<li key={key}>
						<button type="button" aria-pressed={!hidden.has(key)} onClick={() => toggle(key)}>
							<span className={classes.swatch} style={{ background: `var(--line-${index + 1})` }} />
							{label}
						</button>
					</li>
				))}
			</ul>
		</>
	);
}
