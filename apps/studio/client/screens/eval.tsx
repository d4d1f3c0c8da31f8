import { Button, Code, Group, Stack, Text } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import type { EvalAnswer, EvalTestAnswer } from "../../server/describe-eval.ts";
import { SourceView } from "../components/code.tsx";
import { type Column, DataTable, PagedTable } from "../components/data-table.tsx";
import { FilterBar, SearchField } from "../components/form.tsx";
import { Empty, LoadState, PageHeader, Panel, Tab, Tabs } from "../components/page.tsx";
import { Icon, Note, PassBar, PortabilityBadge, StatusBadge, StatusItem, Time } from "../components/status.tsx";
import layout from "../layout.module.css";
import { api, tablePage, unwrap, useReadOnly } from "../lib/api.ts";
import { count, plural } from "../lib/format.ts";
import { Setup } from "./eval-setup.tsx";

const FixDialog = lazy(async () => ({ default: (await import("./eval-dialogs.tsx")).FixDialog }));
const BundleDialog = lazy(async () => ({ default: (await import("./eval-dialogs.tsx")).BundleDialog }));
const RunDialog = lazy(async () => ({ default: (await import("./eval-dialogs.tsx")).RunDialog }));
const route = getRouteApi("/evals/$eval");

const evalQuery = (id: string) =>
	queryOptions({ queryKey: ["evals", "one", id], queryFn: () => unwrap(api.evals[":id"].$get({ param: { id } })) });

function evalTestsQuery(id: string, search: string, page: number) {
	const query = { search, page: String(page), page_size: String(tablePage) };
	return queryOptions({
		queryKey: ["evals", "tests", id, search, page],
		queryFn: () => unwrap(api.evals[":id"].tests.$get({ param: { id }, query })),
	});
}

export function Eval() {
	const { eval: id } = route.useParams();
	const query = useQuery(evalQuery(id));
	return (
		<>
			{query.data ? null : <PageHeader title="Eval" crumbs={[{ label: "Benchmarks", to: "/" }]} />}
			<LoadState query={query}>{(data) => <Loaded key={data.id} data={data} />}</LoadState>
		</>
	);
}

function Loaded({ data }: { data: EvalAnswer }) {
	const { tab } = route.useSearch();
	const tabs = [
		["source", "Source", data.findings.length],
		["tests", "Tests", data.tests],
		["setup", "Targets and workspace", data.targets.length],
	] as const;
	return (
		<>
			<PageHeader
				title={data.name}
				crumbs={[
					{ label: "Benchmarks", to: "/" },
					data.benchmark === null
						? { label: "This directory", to: "/here" }
						: { label: data.benchmark, to: `/benchmarks/${data.benchmark}` },
				]}
				badges={
					<>
						<PortabilityBadge counts={data} />
						{data.tags.map((tag) => (
							<StatusBadge key={tag} look={["quiet", "tag", tag]} />
						))}
					</>
				}
				description={
					<>
						<span className="mono">{data.file}</span>
						{data.description ? <div>{data.description}</div> : null}
					</>
				}
				actions={<Actions data={data} />}
			/>
			<LastResult data={data} />
			<Tabs label="Parts of the eval">
				{tabs.map(([key, label, number]) => (
					<Tab key={key} to="/evals/$eval" params={{ eval: data.id }} search={{ tab: key }} isCurrent={key === tab}>
						{label} <span className="dim">{count(number)}</span>
					</Tab>
				))}
			</Tabs>
			{tab === "source" ? <Source data={data} /> : null}
			{tab === "tests" ? <Tests id={data.id} /> : null}
			{tab === "setup" ? <Setup data={data} /> : null}
		</>
	);
}

function LastResult({ data: { job, last_result: last } }: { data: EvalAnswer }) {
	if (job === null && !last) return null;
	return (
		<Group gap="sm" mb="sm" fz="sm">
			{job === null ? null : <StatusBadge look={["info", "play", "Running now"]} />}
			{last ? (
				<>
					<span className="dim">Last result</span>
					<PassBar counts={last} />
					<Link to="/runs/$run" params={{ run: last.run }}>
						<Time at={last.started_at} />
					</Link>
				</>
			) : null}
		</Group>
	);
}

function Actions({ data }: { data: EvalAnswer }) {
	const [open, setOpen] = useState<"fix" | "bundle" | "run">();
	if (useReadOnly()) return null;
	const close = () => setOpen(undefined);
	const fixable = data.findings.filter((finding) => finding.fixable).length;
	return (
		<>
			<Button
				leftSection={<Icon name="wrench" />}
				disabled={fixable === 0}
				title={fixable === 0 ? "No auto-fixable findings" : undefined}
				onClick={() => setOpen("fix")}
			>
				{fixable === 0 ? "Fix" : `Fix ${count(fixable)}`}
			</Button>
			<Button leftSection={<Icon name="bundle" />} onClick={() => setOpen("bundle")}>
				Bundle
			</Button>
			<Button
				variant="filled"
				leftSection={<Icon name="play" />}
				disabled={data.job !== null}
				onClick={() => setOpen("run")}
			>
				{data.job === null ? "Run" : "Running"}
			</Button>
			<Suspense>
				{open === "fix" ? (
					<FixDialog id={data.id} hasRepos={(data.workspace?.repos.length ?? 0) > 0} onClose={close} />
				) : null}
				{open === "bundle" ? <BundleDialog data={data} onClose={close} /> : null}
				{open === "run" ? <RunDialog data={data} onClose={close} /> : null}
			</Suspense>
		</>
	);
}

function Source({ data }: { data: EvalAnswer }) {
	const { line } = route.useSearch();
	const own = useMemo(() => data.findings.filter((finding) => finding.own), [data.findings]);
	return (
		<div className={layout.columns}>
			<Panel title={<span className="mono">{data.file}</span>} flush>
				{data.source_cut ? <Note tone="warn" title="Only the first 1 MB of the file is shown" /> : null}
				<SourceView label="Source" text={data.source} findings={own} line={line} />
			</Panel>
			<div className={layout.side}>
				<Findings data={data} />
				<Checks checks={data.checks} />
			</div>
		</div>
	);
}

/** Cuts longer lists, because users fix a few findings and validate again. */
const maxFindings = 200;

function Findings({ data }: { data: EvalAnswer }) {
	const rules = new Map(data.rules.map((rule) => [rule.id, rule]));
	const sorted = [...data.findings].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
	return (
		<Panel title="Findings" aside={`${plural(data.errors, "error")}, ${plural(data.warnings, "warning")}`} flush>
			{sorted.length === 0 ? (
				<Group gap={8} p="12px 14px" data-tone="good" wrap="nowrap">
					<Icon name="check" /> No problems found. This eval is portable.
				</Group>
			) : (
				<ul className="divided">
					{sorted.slice(0, maxFindings).map((finding) => (
						<Finding
							key={`${finding.rule} ${finding.file} ${finding.line} ${finding.column} ${finding.message}`}
							finding={finding}
							rule={rules.get(finding.rule)}
							evalId={data.id}
						/>
					))}
					{sorted.length > maxFindings ? <li className="dim">… and {sorted.length - maxFindings} more</li> : null}
				</ul>
			)}
		</Panel>
	);
}

function Finding(props: {
	finding: EvalAnswer["findings"][number];
	rule: EvalAnswer["rules"][number] | undefined;
	evalId: string;
}) {
	const { finding, rule, evalId } = props;
	const { severity, message, hint, file, own, line, fixable } = finding;
	const isError = severity === "error";
	return (
		<Group component="li" gap={9} wrap="nowrap" align="flex-start" data-tone={isError ? "bad" : "warn"}>
			<Icon name={isError ? "cross" : "warning"} />
			<div style={{ flex: 1, minWidth: 0 }}>
				<p>{message}</p>
				{hint ? <p className="dim">{hint}</p> : null}
				<Group gap="2px 12px" mt={2} fz="xs" c="dimmed">
					{own ? (
						<Link to="/evals/$eval" params={{ eval: evalId }} search={{ line }} resetScroll={false}>
							Line {line}
						</Link>
					) : (
						<span className="mono">
							{file}:{line}
						</span>
					)}
					<span className="mono">{finding.rule}</span>
					{fixable ? (
						<Text span fz="xs" c="var(--good)">
							Auto-fixable
						</Text>
					) : null}
				</Group>
				{rule ? <Rule rule={rule} /> : null}
			</div>
		</Group>
	);
}

function Rule({ rule }: { rule: EvalAnswer["rules"][number] }) {
	return (
		<details>
			<Text component="summary" fz="xs" c="var(--accent)">
				Why it matters and how to fix it
			</Text>
			<Stack gap={6} mt={6} fz="xs">
				<p>
					<strong>{rule.summary}.</strong> {rule.why}
				</p>
				<p>{rule.mend}</p>
				<p className="dim">Instead of</p>
				<Code block className="pre">
					{rule.bad}
				</Code>
				<p className="dim">write</p>
				<Code block className="pre">
					{rule.good}
				</Code>
			</Stack>
		</details>
	);
}

const checkLooks = {
	pass: ["good", "check", "Passed"],
	fail: ["bad", "cross", "Failed"],
	skip: ["quiet", "question", "Skipped"],
} as const;

function Checks({ checks }: { checks: readonly EvalAnswer["checks"][number][] }) {
	if (checks.length === 0) return null;
	const passed = checks.filter(({ state }) => state === "pass").length;
	return (
		<Panel>
			<details>
				<summary>
					{passed} of {checks.length} checks passed
				</summary>
				<Stack component="ul" gap={6} mt="xs" fz="xs">
					{checks.map(({ rule, state, message }) => (
						<StatusItem key={`${rule} ${message}`} look={checkLooks[state]}>
							{message} <span className="mono dim">{rule}</span>
						</StatusItem>
					))}
				</Stack>
			</details>
		</Panel>
	);
}

function Tests({ id }: { id: string }) {
	const { search } = route.useSearch();
	const navigate = route.useNavigate();
	return (
		<PagedTable query={(page) => evalTestsQuery(id, search, page)} pageSize={tablePage}>
			{(_, rows) => (
				<>
					<FilterBar total={plural(rows.total, "test")}>
						<SearchField
							label="Search tests"
							value={search}
							onChange={(text) => void navigate({ search: (before) => ({ ...before, search: text }), replace: true })}
						/>
					</FilterBar>
					<DataTable
						{...rows}
						label="Tests"
						columns={testColumns(id)}
						empty={<Empty icon="file" title={search === "" ? "No tests could be loaded" : "No tests match"} />}
					/>
				</>
			)}
		</PagedTable>
	);
}

function testColumns(id: string): readonly Column<EvalTestAnswer>[] {
	const text = (value: string, title = value, className?: string) => (
		<span className={className} title={title}>
			{value}
		</span>
	);
	return [
		{
			key: "id",
			title: "Test",
			width: "minmax(120px, 300px)",
			narrow: "first",
			cell: (test) => text(test.id, test.description ?? test.id, "mono"),
		},
		{ key: "input", title: "Input", width: "minmax(0, 1fr)", cell: (test) => text(test.input) },
		{
			key: "assertions",
			title: "Assertions",
			width: "210px",
			narrow: "second",
			cell: (test) => text(test.assertions.join(", ")),
		},
		{
			key: "tags",
			title: "Tags and target",
			width: "150px",
			cell: (test) => text([...test.tags, test.target ?? ""].filter(Boolean).join(", "), undefined, "dim"),
		},
		{
			key: "location",
			title: "Location",
			width: "150px",
			narrow: "second",
			cell: (test) => <TestLocation id={id} test={test} />,
		},
	];
}

function TestLocation({ id, test: { file, line } }: { id: string; test: EvalTestAnswer }) {
	if (line === null || !/\.ya?ml$/i.test(file))
		return (
			<span className="mono dim" title={file}>
				{file.split("/").at(-1)}
				{line === null ? "" : `:${line}`}
			</span>
		);
	return (
		<Link to="/evals/$eval" params={{ eval: id }} search={{ line }} title={`${file}:${line}`}>
			Line {line}
		</Link>
	);
}
