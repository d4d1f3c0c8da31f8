import { useElementSize } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { type PointerEvent, useMemo, useState } from "react";
import { type ChartScale, chartScale, margins } from "../../lib/chart-scale.ts";
import { count, percent, plural, shortMoment } from "../../lib/format.ts";
import classes from "./history.module.css";

interface Point {
	readonly run: string;
	readonly started_at: string;
	readonly pass_rate: number;
	readonly pass_rate_lower_bound: number;
	readonly tests: number;
	readonly errors: number;
}

interface Line {
	readonly label: string;
	readonly color: string;
	readonly points: readonly Point[];
}

const height = 220;
/** A point is meant where the pointer is at most so many pixels away. */
const reach = 40;

interface Placed {
	readonly point: Point;
	readonly line: Line;
	readonly x: number;
	readonly y: number;
}

/** Rates over time as lines; the point nearest to the pointer is named, and a click opens its run. */
export function HistoryChart({ lines }: { lines: readonly Line[] }) {
	const { ref, width } = useElementSize();
	const navigate = useNavigate();
	const [near, setNear] = useState<Placed>();
	const { scale, placed } = useMemo(() => place(lines, width), [lines, width]);
	const point = (event: PointerEvent<SVGSVGElement>) => {
		const box = event.currentTarget.getBoundingClientRect();
		setNear(nearest(placed, event.clientX - box.left, event.clientY - box.top));
	};
	const summary = lines
		.filter(({ points }) => points.length > 0)
		.map(
			({ label, points }) =>
				`${label}: last ${percent(points.at(-1)?.pass_rate ?? 0)} of ${plural(points.length, "run")}`,
		);
	return (
		<div ref={ref} className={classes.chart} style={{ height }}>
			{width > 0 ? (
				// biome-ignore lint/a11y/useKeyWithClickEvents: the table below leads to the same runs
				<svg
					width={width}
					height={height}
					role="img"
					aria-label={`Pass rate over time. ${summary.join("; ")}`}
					style={{ cursor: near ? "pointer" : undefined }}
					onPointerMove={point}
					onPointerLeave={() => setNear(undefined)}
					onClick={() => near && void navigate({ to: "/runs/$run", params: { run: near.point.run } })}
				>
					<Axes scale={scale} width={width} />
					{lines.map((line) => (
						<Path key={line.label} points={placed.filter((one) => one.line === line)} color={line.color} />
					))}
					{near ? <circle cx={near.x} cy={near.y} r={5.5} fill={near.line.color} className={classes.near} /> : null}
				</svg>
			) : null}
			{near ? <Tip near={near} width={width} /> : null}
		</div>
	);
}

function place(lines: readonly Line[], width: number): { scale: ChartScale; placed: readonly Placed[] } {
	const times = lines.flatMap(({ points }) => points.map((point) => Date.parse(point.started_at)));
	const scale = chartScale(times.length === 0 ? [Date.now()] : times, width, height);
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

function nearest(placed: readonly Placed[], x: number, y: number): Placed | undefined {
	let best: Placed | undefined;
	let distance = reach;
	for (const one of placed) {
		const away = Math.hypot(one.x - x, one.y - y);
		if (away < distance) [best, distance] = [one, away];
	}
	return best;
}

function Axes({ scale, width }: { scale: ChartScale; width: number }) {
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
			{labelled(scale.ticks).map(([time, label], index, all) => (
				<text key={time} x={scale.x(time)} y={height - 5} textAnchor={anchor(index, all.length)}>
					{label}
				</text>
			))}
		</g>
	);
}

/** Moments with their words; of those that read the same only the first. */
function labelled(ticks: readonly number[]): readonly (readonly [time: number, label: string])[] {
	const seen = new Set<string>();
	return ticks.flatMap((time) => {
		const label = shortMoment(new Date(time).toISOString());
		if (seen.has(label)) return [];
		seen.add(label);
		return [[time, label] as const];
	});
}

function anchor(index: number, count: number): "start" | "middle" | "end" {
	if (count === 1) return "middle";
	return index === 0 ? "start" : index === count - 1 ? "end" : "middle";
}

function Path({ points, color }: { points: readonly Placed[]; color: string }) {
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

function Tip({ near: { point, line, x, y }, width }: { near: Placed; width: number }) {
	const isRight = x > width / 2;
	return (
		<div
			className={classes.tip}
			style={{ top: Math.max(0, y - 30), ...(isRight ? { right: width - x + 12 } : { left: x + 12 }) }}
		>
			<strong>{percent(point.pass_rate)}</strong> of {plural(point.tests, "test")}
			{point.errors > 0 ? `, ${count(point.errors)} not graded` : ""}
			{point.pass_rate_lower_bound < point.pass_rate ? `, at least ${percent(point.pass_rate_lower_bound)}` : ""}
			<div>{line.label}</div>
			<div className="dim">{shortMoment(point.started_at)}</div>
		</div>
	);
}
