import "@mantine/core/styles/Fieldset.css";
import { Button, Fieldset, Group, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { CompareResponse, ComparisonResponse } from "../../server/compare.ts";
import table from "../components/data-table.module.css";
import { type Column, DataTable } from "../components/data-table.tsx";
import { Check, FilterBar, SearchField } from "../components/form.tsx";
import { Chip, Chips, Empty, columns as grid, LoadState, PageHeader, Pager } from "../components/page.tsx";
import { Icon, type Look, Note, StatusBadge, Time } from "../components/status.tsx";
import { api, listQuery, nonEmpty } from "../lib/api.ts";
import { count, plural, score, signed } from "../lib/format.ts";
import type { CompareSearch } from "../lib/search.ts";
import classes from "./compare.module.css";

const OutputsDialog = lazy(() => import("./compare-dialog.tsx"));
const route = getRouteApi("/compare");

/** @param runs two to five ids; the first is the baseline */
function compareQuery(runs: string[], { part, differing, sort, descending, vary, page, search }: CompareSearch) {
	// The address may contain anything, but the server accepts only known parts.
	const known = ["test", "graders", "workspace", "hooks", "target"] as const;
	const query = {
		run: runs,
		part,
		differing: part === "changed" ? nonEmpty(differing) : undefined,
		sort,
		descending: descending ? ("true" as const) : undefined,
		vary: known.filter((name) => vary.split(",").includes(name)),
		page: String(page),
		page_size: "100",
		search,
	};
	return listQuery(["runs", "compare", query], () => api.runs.compare.$get({ query }));
}

export function Compare() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const ids = search.runs.split(",").filter((id) => id !== "");
	const query = useQuery({ ...compareQuery(ids, search), enabled: ids.length >= 2 });
	const swap = () => void navigate({ search: { ...search, runs: [...ids].reverse().join(","), page: 1 } });
	return (
		<>
			<PageHeader
				title="Compare runs"
				crumbs={[{ label: "Runs", to: "/runs" }]}
				description={query.data ? <RunLinks response={query.data} /> : " "}
				actions={
					ids.length === 2 ? (
						<Button leftSection={<Icon name="sync" />} onClick={swap}>
							Swap
						</Button>
					) : null
				}
			/>
			{ids.length < 2 ? (
				<Empty icon="split" title="Select at least two runs">
					Select them in the <Link to="/runs">list of runs</Link>.
				</Empty>
			) : (
				<LoadState query={query}>{(response) => <Compared response={response} />}</LoadState>
			)}
		</>
	);
}

type Run = CompareResponse["runs"][number];

function RunLink({ run: { id, experiment, started_at: at } }: { run: Run }) {
	return (
		<Link to="/runs/$run" params={{ run: id }}>
			{experiment}, <Time at={at} />
		</Link>
	);
}

function RunLinks({ response: { runs } }: { response: CompareResponse }) {
	return (
		<Group gap="2px 24px">
			{runs.map((run, index) => (
				<span key={run.id}>
					{index === 0 ? "Before: " : runs.length === 2 ? "After: " : `After ${index}: `}
					<RunLink run={run} />
				</span>
			))}
		</Group>
	);
}

function RunNote({ run }: { run: Run }) {
	const { state, results, planned, bad_lines: badLines } = run;
	if (state === "finished" && badLines === 0) return null;
	const verb = state === "under way" ? "is still running" : "did not finish";
	return (
		<Note tone="warn">
			<RunLink run={run} />{" "}
			{state === "finished" ? "" : `${verb}: ${count(results)} of ${plural(planned, "test")} have results. `}
			{badLines > 0
				? `${plural(badLines, "line")} of its records ${badLines === 1 ? "is" : "are"} not readable and skipped.`
				: ""}
		</Note>
	);
}

function Compared({ response }: { response: CompareResponse }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const { runs, comparisons } = response;
	const shown = comparisons[search.after] ?? comparisons[0];
	if (!shown) return null;
	const isSingle = comparisons.length === 1;
	const opened = shown.cases.items.find(({ rows }) => rows.flat().includes(search.test));
	return (
		<Stack gap="sm">
			{runs.map((run) => (
				<RunNote key={run.id} run={run} />
			))}
			<div style={grid(400, "12px")}>
				{comparisons.map((comparison, index) => (
					<Verdict
						key={comparison.after}
						comparison={comparison}
						title={isSingle ? undefined : `After ${index + 1}`}
						isShown={comparison === shown}
						onShow={isSingle ? undefined : () => void navigate({ search: { ...search, after: index, page: 1 } })}
					/>
				))}
			</div>
			<Tests comparison={shown} />
			<Suspense>
				{opened ? (
					<OutputsDialog
						comparison={shown}
						opened={opened}
						onClose={() => void navigate({ search: { ...search, test: "" }, resetScroll: false })}
					/>
				) : null}
			</Suspense>
		</Stack>
	);
}

const verdictLooks: Readonly<Record<ComparisonResponse["verdict"], Look>> = {
	better: ["good", "up", "Better"],
	worse: ["bad", "down", "Worse"],
	"no difference shown": ["quiet", "minus", "No difference shown"],
	"nothing to compare": ["warn", "question", "Nothing to compare"],
};

interface VerdictProps {
	readonly comparison: ComparisonResponse;
	readonly title: string | undefined;
	readonly isShown: boolean;
	readonly onShow: (() => void) | undefined;
}

function Verdict({ comparison, title, isShown, onShow }: VerdictProps) {
	const { verdict, difference, message, lower_message: lowerMessage, moved, renamed } = comparison;
	const { tests, before, after, mean, interval } = difference;
	return (
		<Paper
			component="section"
			p="12px 14px"
			fz="sm"
			c="dimmed"
			aria-label={title ?? "Verdict"}
			bd={onShow && isShown ? "1px solid var(--accent)" : undefined}
		>
			<Group gap="6px 12px">
				{title ? (
					<Text fw={700} c="var(--text)">
						{title}
					</Text>
				) : null}
				<StatusBadge look={verdictLooks[verdict]} />
				{tests > 0 ? (
					<>
						<Text span fz={18} fw={600} c="var(--text)">
							{signed(mean)}
						</Text>
						<span>
							{score(before)} → {score(after)}
						</span>
					</>
				) : null}
				{onShow ? (
					<Button size="compact-xs" ml="auto" disabled={isShown} onClick={onShow}>
						{isShown ? "Shown below" : "Show its tests"}
					</Button>
				) : null}
			</Group>
			{interval ? <Interval interval={interval} mean={mean} /> : null}
			<Stack gap={8} mt={8}>
				{tests > 0 ? (
					<p>
						<span style={{ color: "var(--bad)" }}>{count(moved.down)} down</span>,{" "}
						<span style={{ color: "var(--good)" }}>{count(moved.up)} up</span>, {count(tests - moved.down - moved.up)}{" "}
						unchanged
					</p>
				) : null}
				<p>{message}</p>
				{lowerMessage === null ? null : <p>{lowerMessage}</p>}
				{renamed.map(([earlier, later]) => (
					<p key={`${earlier} ${later}`}>
						<span className="mono">{later}</span> is compared with <span className="mono">{earlier}</span>.
					</p>
				))}
			</Stack>
		</Paper>
	);
}

/** Draws the 95 % interval on a line from −1 to 1, or a shorter line if it is small. */
function Interval({ interval: [low, high], mean }: { interval: readonly [number, number]; mean: number }) {
	const reach = Math.min(1, Math.max(0.1, Math.abs(low), Math.abs(high)) * 1.15);
	const at = (value: number) => `${((Math.max(-reach, Math.min(reach, value)) + reach) / (2 * reach)) * 100}%`;
	const label = `Mean difference ${signed(mean)}, 95 % interval from ${signed(low)} to ${signed(high)}`;
	return (
		<div className={classes.interval} role="img" aria-label={label}>
			<div className={classes.scale}>
				<span className={classes.zero} />
				<span className={classes.range} style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
				<span className={classes.point} style={{ left: at(mean) }} />
			</div>
			<Group justify="space-between" fz={11.5}>
				<span>{signed(-reach)}</span>
				<span>0</span>
				<span>{signed(reach)}</span>
			</Group>
		</div>
	);
}

type Part = ComparisonResponse["cases"]["part"];

const parts: readonly (readonly [Part, string, string])[] = [
	["comparable", "Comparable", "The same test, graders, workspace, hooks and target in both runs"],
	["changed", "Changed", "Part of the test differs, so its scores are not comparable"],
	["new", "New", "Only in the later run"],
	["gone", "Gone", "Only in the earlier run"],
	["errors", "Not graded", "Not graded in one of the runs"],
];

function Tests({ comparison }: { comparison: ComparisonResponse }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const { items, page, pages, part } = comparison.cases;
	return (
		<div>
			<FilterBar>
				<SearchField
					label="Search tests"
					value={search.search}
					onChange={(text) => void navigate({ search: { ...search, search: text, page: 1 }, replace: true })}
				/>
				<Chips label="Part">
					{parts.map(([key, label, title]) => (
						<Chip
							key={key}
							from="/compare"
							search={(before) => ({ ...before, part: key, differing: "", page: 1 })}
							replace
							resetScroll={false}
							title={title}
							isCurrent={part === key}
						>
							{label} {count(comparison.counts[key])}
						</Chip>
					))}
				</Chips>
			</FilterBar>
			{part === "changed" ? <Differing counts={comparison.changed_parts} /> : null}
			<DataTable
				label="Compared tests"
				columns={testColumns(search)}
				total={items.length}
				at={(index) => items[index]}
				sorting={{ key: search.sort, descending: search.descending }}
				onSort={({ key, descending }) =>
					void navigate({
						search: { ...search, sort: key as CompareSearch["sort"], descending, page: 1 },
						resetScroll: false,
					})
				}
				empty={<NoTests comparison={comparison} isFiltered={search.search !== "" || search.differing !== ""} />}
			/>
			<Pager page={page} pages={pages} onPage={(next) => void navigate({ search: { ...search, page: next } })} />
			<Ignored />
		</div>
	);
}

const emptyReasons: Readonly<Record<Part, string>> = {
	comparable: "No test has the same fingerprint in both runs and was graded in both.",
	changed: "No test that both runs share has changed.",
	new: "The later run has no tests that the earlier run lacks.",
	gone: "The earlier run has no tests that the later run lacks.",
	errors: "Every comparable test was graded in both runs.",
};

const ignorable = ["target", "graders", "workspace", "hooks"] as const;

function NoTests({ comparison, isFiltered }: { comparison: ComparisonResponse; isFiltered: boolean }) {
	const { cases, counts, changed_parts: differing } = comparison;
	if (isFiltered) return <Empty icon="search" title="No tests match" />;
	const part = ignorable.find((name) => differing[name] === counts.changed);
	return (
		<Empty icon="split" title="No tests">
			{emptyReasons[cases.part]}
			{cases.part === "comparable" && part !== undefined && counts.changed > 0
				? ` Every test the runs share differs in ${part}. If that is intended, ignore ${part} below to compare them.`
				: null}
		</Empty>
	);
}

const differingLabels = {
	test: "Test",
	graders: "Graders",
	workspace: "Workspace",
	hooks: "Hooks",
	target: "Target",
	unknown: "Unknown change",
} as const;

function Differing({ counts }: { counts: ComparisonResponse["changed_parts"] }) {
	const search = route.useSearch();
	const changed = Object.entries(counts) as [keyof typeof differingLabels, number][];
	if (changed.length < 2) return null;
	const chips: readonly (readonly [CompareSearch["differing"], string])[] = [
		["", "All"],
		...changed.map(([part, number]) => [part, `${differingLabels[part]} ${count(number)}`] as const),
	];
	return (
		<FilterBar>
			<Chips label="What has changed">
				{chips.map(([part, label]) => (
					<Chip
						key={part}
						from="/compare"
						search={(before) => ({ ...before, differing: part, page: 1 })}
						replace
						resetScroll={false}
						isCurrent={search.differing === part}
					>
						{label}
					</Chip>
				))}
			</Chips>
		</FilterBar>
	);
}

function Ignored() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const ignored = search.vary.split(",");
	const toggle = (part: string, checked: boolean) => {
		const next = ignorable.filter((name) => (name === part ? checked : ignored.includes(name)));
		void navigate({ search: { ...search, vary: next.join(","), page: 1 }, resetScroll: false });
	};
	return (
		<Fieldset variant="unstyled" mt="md" legend={<span className="dim">Ignore differences in</span>}>
			<Group gap="4px 24px" mt={6}>
				{ignorable.map((part) => (
					<Check
						key={part}
						label={part}
						checked={ignored.includes(part)}
						onChange={(checked) => toggle(part, checked)}
					/>
				))}
			</Group>
		</Fieldset>
	);
}

type TestRow = ComparisonResponse["cases"]["items"][number];

const none = <span className="dim">–</span>;

/** Adds labels for narrow screens, where the table has no headings. */
function Score({ label, value }: { label: string; value: number | null }) {
	return (
		<>
			<span className={`dim ${table.narrowOnly}`}>{label} </span>
			{value === null ? none : score(value)}
		</>
	);
}

function scoreOf(row: TestRow, side: "before" | "after"): number | null {
	const isOnly = row.rows[side === "before" ? 0 : 1].length > 0;
	return row[side] ?? (isOnly ? row.score : null) ?? null;
}

function testColumns(search: CompareSearch): readonly Column<TestRow>[] {
	const number = (key: string, title: string, width: string, cell: Column<TestRow>["cell"]): Column<TestRow> => ({
		key,
		title,
		width,
		cell,
		align: "end",
		narrow: "second",
	});
	return [
		{
			key: "test",
			title: "Test",
			width: "minmax(0, 1fr)",
			narrow: "first",
			cell: ({ test_id: test, target, rows, parts: differing = [] }) => (
				<Link
					to="/compare"
					search={{ ...search, test: rows.flat()[0] ?? "" }}
					resetScroll={false}
					aria-label={`${test}: outputs side by side`}
				>
					<span className="mono">{test}</span> <span className="dim">{target}</span>{" "}
					{search.part === "changed" ? (
						<span style={{ color: "var(--warn)" }}>
							{differing.length > 0 ? `${differing.join(", ")} changed` : "has no fingerprint"}
						</span>
					) : null}
				</Link>
			),
		},
		number("before", "Before", "80px", (row) => <Score label="before" value={scoreOf(row, "before")} />),
		number("after", "After", "80px", (row) => <Score label="after" value={scoreOf(row, "after")} />),
		number("delta", "Difference", "96px", ({ delta }) => <Delta delta={delta ?? null} />),
	];
}

function Delta({ delta }: { delta: number | null }) {
	if (delta === null) return none;
	const color = Math.abs(delta) < 0.005 ? undefined : delta > 0 ? "var(--good)" : "var(--bad)";
	return <span style={{ color }}>{signed(delta)}</span>;
}
