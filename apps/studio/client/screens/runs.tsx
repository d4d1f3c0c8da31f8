import { Button, Checkbox, Group, Paper, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type PointerEvent, useMemo, useState } from "react";
import type { RunList } from "../../server/routes/runs.ts";
import type { RunEntry, RunHistory } from "../../server/run-responses.ts";
import { type Column, DataTable } from "../components/data-table.tsx";
import { Choice, FilterBar, SearchField } from "../components/form.tsx";
import { Empty, Failure, LoadState, PageHeader, Pager, Panel } from "../components/page.tsx";
import { PassBar, RunBadge, Time } from "../components/status.tsx";
import { api, listQuery, nonEmpty } from "../lib/api.ts";
import { bound, cost, count, duration, evalName, percent, plural, score, shortMoment } from "../lib/format.ts";
import type { RunsSearch } from "../lib/search.ts";
import classes from "./runs.module.css";

const route = getRouteApi("/runs");

type RunFilter = Omit<RunsSearch, "page" | "pick">;

function runFilter({ search, experiment, target, benchmark, eval: file }: RunFilter) {
	return {
		search,
		experiment: nonEmpty(experiment),
		target: nonEmpty(target),
		benchmark: nonEmpty(benchmark),
		eval: nonEmpty(file),
	};
}

const runsQuery = (filter: RunFilter, page: number) =>
	listQuery(["runs", "list", filter, page], () =>
		api.runs.$get({ query: { ...runFilter(filter), page: String(page) } }),
	);

const historyQuery = (filter: RunFilter) =>
	listQuery(["runs", "history", filter], () => api.runs.history.$get({ query: runFilter(filter) }));

export function Runs() {
	const { page, pick, ...filter } = route.useSearch();
	const navigate = route.useNavigate();
	const runs = useQuery(runsQuery(filter, page));
	const isFiltered = Object.values(filter).some((value) => value !== "");
	return (
		<>
			<PageHeader title="Runs" description={runs.data ? plural(runs.data.total, "run") : " "} />
			<LoadState query={runs}>
				{(response) =>
					response.total === 0 && !isFiltered ? (
						<NoRuns />
					) : (
						<>
							<Filters response={response} />
							<History filter={filter} />
							<Picked items={response.items} />
							<RunTable items={response.items} />
							<Pager
								page={response.page}
								pages={response.pages}
								onPage={(next) => void navigate({ search: (before) => ({ ...before, page: next }) })}
							/>
						</>
					)
				}
			</LoadState>
		</>
	);
}

function NoRuns() {
	return (
		<Paper>
			<Empty icon="play" title="No runs yet">
				Open an eval from the <Link to="/">benchmarks</Link> and run it, or run one in a terminal:{" "}
				<code>agentv eval run path/to/file.eval.yaml</code>
			</Empty>
		</Paper>
	);
}

function Filters({ response: { experiments, targets, benchmarks } }: { response: RunList }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const choice = (label: string, key: "experiment" | "target" | "benchmark", names: readonly string[]) => (
		<Choice
			label={label}
			value={search[key]}
			options={[["", "Any"], ...names.map((name) => [name, name] as const)]}
			onChange={(value) => void navigate({ search: { ...search, [key]: value, page: 1 } })}
		/>
	);
	return (
		<FilterBar>
			<SearchField
				label="Search runs"
				value={search.search}
				onChange={(text) => void navigate({ search: { ...search, search: text, page: 1 }, replace: true })}
			/>
			{choice("Experiment", "experiment", experiments)}
			{choice("Target", "target", targets)}
			{choice("Benchmark", "benchmark", benchmarks)}
			{search.eval === "" ? null : (
				<Link from="/runs" search={(before) => ({ ...before, eval: "", page: 1 })} className="breaks">
					Only {search.eval}: show all
				</Link>
			)}
		</FilterBar>
	);
}

const maxPicked = 5;

function usePicked() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const picked = new Set(search.pick.split(",").filter((id) => id !== ""));
	const toggle = (id: string) => {
		const next = new Set(picked);
		if (!next.delete(id)) next.add(id);
		void navigate({ search: { ...search, pick: [...next].join(",") }, replace: true, resetScroll: false });
	};
	return { picked, toggle };
}

/** Compares the oldest selected run with the others. */
function Picked({ items }: { items: readonly RunEntry[] }) {
	const { picked } = usePicked();
	if (picked.size === 0) return null;
	const started = new Map(items.map((run) => [run.id, run.started_at]));
	const sorted = [...picked].sort((a, b) => ((started.get(a) ?? "") < (started.get(b) ?? "") ? -1 : 1));
	return (
		<Paper
			role="status"
			pos="sticky"
			bottom={12}
			mb={12}
			px={14}
			py={8}
			fz="sm"
			bg="var(--info-tint)"
			bd="1px solid var(--accent)"
			style={{ zIndex: 5 }}
		>
			<Group gap="4px 16px">
				<span>{picked.size === 1 ? "1 run selected: select another to compare" : `${picked.size} runs selected`}</span>
				{picked.size > maxPicked ? (
					<span>At most {maxPicked} runs can be compared.</span>
				) : picked.size >= 2 ? (
					<Link to="/compare" search={{ runs: sorted.join(",") }}>
						Compare
					</Link>
				) : null}
			</Group>
		</Paper>
	);
}

function RunTable({ items }: { items: readonly RunEntry[] }) {
	const { picked, toggle } = usePicked();
	const pick: Column<RunEntry> = {
		key: "pick",
		title: "Compare",
		width: "62px",
		align: "end",
		narrow: "second",
		cell: ({ id }) => (
			<Checkbox
				className={classes.pick}
				aria-label={`Compare run ${id}`}
				checked={picked.has(id)}
				disabled={!picked.has(id) && picked.size >= maxPicked}
				onChange={() => toggle(id)}
			/>
		),
	};
	return (
		<DataTable
			label="Runs"
			columns={[...columns, pick]}
			total={items.length}
			at={(index) => items[index]}
			empty={
				<Empty icon="search" title="No runs match">
					Change the search or the filters.
				</Empty>
			}
		/>
	);
}

const none = <span className="dim">–</span>;

const columns: readonly Column<RunEntry>[] = [
	{
		key: "run",
		title: "Run",
		width: "minmax(0, 1fr)",
		narrow: "first",
		cell: (run) => (
			<Link to="/runs/$run" params={{ run: run.id }} title={run.evals.map(({ name }) => name).join("\n")}>
				<strong>{run.evals.map(({ name }) => evalName(name)).join(", ") || run.id}</strong>{" "}
				<span className="dim">
					{run.experiment}
					{run.benchmark ? ` · ${run.benchmark}` : ""}
				</span>
			</Link>
		),
	},
	{
		key: "result",
		title: "Pass rate",
		width: "150px",
		narrow: "second",
		cell: ({ state, summary, planned }) =>
			state === "finished" && summary ? <PassBar counts={{ ...summary, planned }} /> : <RunBadge state={state} />,
	},
	{ key: "tests", title: "Tests", width: "64px", align: "end", cell: ({ planned }) => count(planned) },
	{ key: "mean", title: "Mean", width: "104px", align: "end", cell: ({ summary }) => <Mean summary={summary} /> },
	{
		key: "targets",
		title: "Targets",
		width: "150px",
		cell: ({ targets }) => <span title={targets.join(", ")}>{targets.join(", ")}</span>,
	},
	{
		key: "duration",
		title: "Duration",
		width: "100px",
		align: "end",
		cell: ({ summary }) => (summary ? duration(summary.duration_ms) : none),
	},
	{ key: "cost", title: "Cost", width: "72px", align: "end", cell: ({ summary }) => <Cost summary={summary} /> },
	{
		key: "started",
		title: "Started",
		width: "120px",
		narrow: "second",
		cell: ({ started_at: at }) => <Time at={at} />,
	},
];

/** Adds the lower bound if not every planned test was graded. */
function Mean({ summary }: { summary: RunEntry["summary"] }) {
	if (!summary) return none;
	const { mean_score: mean, mean_score_lower_bound: lower = mean, passed, failed, planned } = summary;
	const n = passed + failed;
	const limits = bound({ mean, lower, n, planned }, score);
	return (
		<span title={limits === "" ? undefined : limits}>
			{mean === null ? none : score(mean)}
			{lower !== null && lower !== mean ? <span className="dim"> ≥ {score(lower)}</span> : null}
		</span>
	);
}

function Cost({ summary }: { summary: RunEntry["summary"] }) {
	const target = summary?.cost_usd ?? null;
	const judging = summary?.grader_cost_usd ?? null;
	if (target === null && judging === null) return none;
	const parts = [
		...(target === null ? [] : [`target ${cost(target)}`]),
		...(judging === null ? [] : [`judging ${cost(judging)}`]),
	];
	return <span title={parts.join(" + ")}>{cost((target ?? 0) + (judging ?? 0))}</span>;
}

type Series = RunHistory["series"][number];

/** More lines can't be distinguished. */
const maxLines = 8;

function History({ filter }: { filter: RunFilter }) {
	const history = useQuery(historyQuery(filter));
	if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
	if (!history.data) return <div style={{ height: 316 }} />;
	const latest = ({ points }: Series) => Date.parse(points.at(-1)?.started_at ?? "") || 0;
	const series = history.data.series.filter(({ points }) => points.length > 0).sort((a, b) => latest(b) - latest(a));
	if (series.length === 0) return null;
	return (
		<Text component="div" mb="md">
			<Panel
				title="Pass rate over time"
				aside={series.length > maxLines ? `the ${maxLines} latest of ${series.length}` : undefined}
			>
				<Chart series={series.slice(0, maxLines)} />
			</Panel>
		</Text>
	);
}

interface Line {
	readonly label: string;
	readonly color: string;
	readonly points: Series["points"];
}

interface PlacedPoint {
	readonly point: Series["points"][number];
	readonly line: Line;
	readonly x: number;
	readonly y: number;
}

const height = 220;
const margins = { top: 10, right: 14, bottom: 24, left: 42 };
/** In pixels, between the pointer and the point that it selects. */
const reach = 40;

/** The nearest point shows a tooltip; a click opens its run. */
function Chart({ series }: { series: readonly Series[] }) {
	const { ref, width } = useElementSize();
	const navigate = useNavigate();
	const [near, setNear] = useState<PlacedPoint>();
	const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
	const lines = useMemo(
		() =>
			series.map(({ eval: file, target, points }, index): Line => {
				const label = `${evalName(file)} · ${target}`;
				return { label, color: `var(--line-${index + 1})`, points: hidden.has(label) ? [] : points };
			}),
		[series, hidden],
	);
	const { scale, placed } = useMemo(() => placePoints(lines, width), [lines, width]);
	const onPointerMove = (event: PointerEvent<SVGSVGElement>) => {
		const box = event.currentTarget.getBoundingClientRect();
		setNear(findNearest(placed, event.clientX - box.left, event.clientY - box.top));
	};
	const summary = lines
		.filter(({ points }) => points.length > 0)
		.map(
			({ label, points }) =>
				`${label}: last ${percent(points.at(-1)?.pass_rate ?? 0)} of ${plural(points.length, "run")}`,
		);
	const toggle = (label: string) =>
		setHidden((before) => {
			const next = new Set(before);
			if (!next.delete(label)) next.add(label);
			return next;
		});
	return (
		<>
			<div ref={ref} style={{ position: "relative", height }}>
				{width > 0 ? (
					// biome-ignore lint/a11y/useKeyWithClickEvents: the table below links to the same runs
					<svg
						width={width}
						height={height}
						role="img"
						aria-label={`Pass rate over time. ${summary.join("; ")}`}
						style={{ display: "block", cursor: near ? "pointer" : undefined }}
						onPointerMove={onPointerMove}
						onPointerLeave={() => setNear(undefined)}
						onClick={() => near && void navigate({ to: "/runs/$run", params: { run: near.point.run } })}
					>
						<Axes scale={scale} width={width} />
						{lines.map((line) => (
							<Path key={line.label} points={placed.filter((point) => point.line === line)} color={line.color} />
						))}
						{near ? (
							<circle cx={near.x} cy={near.y} r={5.5} fill={near.line.color} stroke="var(--surface)" strokeWidth={2} />
						) : null}
					</svg>
				) : null}
				{near ? <Tooltip near={near} width={width} /> : null}
			</div>
			<Legend lines={lines} hidden={hidden} onToggle={toggle} />
		</>
	);
}

interface LegendProps {
	readonly lines: readonly Line[];
	readonly hidden: ReadonlySet<string>;
	readonly onToggle: (label: string) => void;
}

function Legend({ lines, hidden, onToggle }: LegendProps) {
	return (
		<Group component="ul" gap="4px 8px" mt={8}>
			{lines.map(({ label, color }) => (
				<li key={label}>
					<Button
						size="compact-xs"
						variant="subtle"
						color="gray"
						c={hidden.has(label) ? "dimmed" : "var(--text)"}
						td={hidden.has(label) ? "line-through" : undefined}
						fw={400}
						leftSection={<span style={{ width: 14, height: 3, borderRadius: 2, background: color }} />}
						aria-pressed={!hidden.has(label)}
						onClick={() => onToggle(label)}
					>
						{label}
					</Button>
				</li>
			))}
		</Group>
	);
}

interface Scale {
	readonly x: (time: number) => number;
	readonly y: (rate: number) => number;
	readonly ticks: readonly number[];
}

/** Centers a single time. */
function makeScale(times: readonly number[], width: number): Scale {
	const from = Math.min(...times);
	const to = Math.max(...times);
	const across = Math.max(0, width - margins.left - margins.right);
	const down = height - margins.top - margins.bottom;
	const isSingle = from === to;
	const ticks = Math.max(2, Math.min(6, Math.floor(across / 150) + 1));
	return {
		x: (time) => margins.left + (isSingle ? 0.5 : (time - from) / (to - from)) * across,
		y: (rate) => margins.top + (1 - rate) * down,
		ticks: isSingle ? [from] : Array.from({ length: ticks }, (_, step) => from + ((to - from) * step) / (ticks - 1)),
	};
}

function placePoints(lines: readonly Line[], width: number): { scale: Scale; placed: readonly PlacedPoint[] } {
	const times = lines.flatMap(({ points }) => points.map((point) => Date.parse(point.started_at)));
	const scale = makeScale(times.length === 0 ? [Date.now()] : times, width);
	const placed = lines.flatMap((line) =>
		line.points.map((point) => ({
			point,
			line,
			x: scale.x(Date.parse(point.started_at)),
			y: scale.y(point.pass_rate),
		})),
	);
	return { scale, placed };
}

function findNearest(placed: readonly PlacedPoint[], x: number, y: number): PlacedPoint | undefined {
	let nearest: PlacedPoint | undefined;
	let distance = reach;
	for (const point of placed) {
		const away = Math.hypot(point.x - x, point.y - y);
		if (away < distance) [nearest, distance] = [point, away];
	}
	return nearest;
}

function Axes({ scale, width }: { scale: Scale; width: number }) {
	const labels = scale.ticks.map((time) => ({ time, label: shortMoment(new Date(time).toISOString()) }));
	const shown = labels.filter(({ label }, index) => label !== labels[index - 1]?.label);
	return (
		<g className={classes.axes}>
			{[0, 0.25, 0.5, 0.75, 1].map((rate) => (
				<g key={rate}>
					<line x1={margins.left} x2={width - margins.right} y1={scale.y(rate)} y2={scale.y(rate)} />
					<text x={margins.left - 8} y={scale.y(rate) + 4} textAnchor="end">
						{percent(rate)}
					</text>
				</g>
			))}
			{shown.map(({ label, time }, index) => (
				<text key={label} x={scale.x(time)} y={height - 5} textAnchor={anchorOf(index, scale.ticks.length)}>
					{label}
				</text>
			))}
		</g>
	);
}

function anchorOf(index: number, count: number): "start" | "middle" | "end" {
	if (count === 1) return "middle";
	return index === 0 ? "start" : index === count - 1 ? "end" : "middle";
}

function Path({ points, color }: { points: readonly PlacedPoint[]; color: string }) {
	const path = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
	return (
		<g>
			<path d={path} fill="none" stroke={color} strokeWidth={2} strokeLinejoin="round" />
			{points.length <= 60
				? points.map(({ point, x, y }) => <circle key={point.run} cx={x} cy={y} r={3} fill={color} />)
				: null}
		</g>
	);
}

const tooltipStyle = { whiteSpace: "nowrap", pointerEvents: "none" } as const;

function Tooltip({ near: { point, line, x, y }, width }: { near: PlacedPoint; width: number }) {
	const side = x > width / 2 ? { right: width - x + 12 } : { left: x + 12 };
	return (
		<Paper
			shadow="md"
			fz="xs"
			px={10}
			py={6}
			pos="absolute"
			top={Math.max(0, y - 30)}
			style={{ ...tooltipStyle, ...side }}
		>
			<strong>{percent(point.pass_rate)}</strong> of {plural(point.tests, "test")}
			{point.errors > 0 ? `, ${count(point.errors)} not graded` : ""}
			{point.pass_rate_lower_bound < point.pass_rate ? `, at least ${percent(point.pass_rate_lower_bound)}` : ""}
			<div>{line.label}</div>
			<div className="dim">{shortMoment(point.started_at)}</div>
		</Paper>
	);
}
