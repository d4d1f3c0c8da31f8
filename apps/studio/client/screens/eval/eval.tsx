import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { EvalAnswer } from "../../../server/answers/evals.ts";
import { Icon } from "../../components/icon.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Mark } from "../../components/mark.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { PassBar } from "../../components/pass-bar.tsx";
import { PortabilityMark } from "../../components/portability-mark.tsx";
import { Tabs, tabClass } from "../../components/tabs.tsx";
import { Time } from "../../components/time.tsx";
import { count } from "../../lib/format.ts";
import { evalQuery } from "../../lib/queries.ts";
import type { EvalSearch } from "../../lib/screen-search.ts";
import { useReadOnly } from "../../lib/use-read-only.ts";
import classes from "./eval.module.css";
import { SetupTab } from "./setup-tab.tsx";
import { SourceTab } from "./source-tab.tsx";
import { TestsTab } from "./tests-tab.tsx";

const FixDialog = lazy(() => import("./fix-dialog.tsx"));
const BundleDialog = lazy(() => import("./bundle-dialog.tsx"));
const RunDialog = lazy(() => import("./run-dialog.tsx"));
const route = getRouteApi("/evals/$eval");

/** One eval: its file and what is wrong with it, its tests, what it needs; fixing, bundling and running it. */
export function Eval() {
	const { eval: id } = route.useParams();
	const answer = useQuery(evalQuery(id));
	return (
		<>
			{answer.data ? null : <PageHeader title="Eval" crumbs={[{ label: "Benchmarks", to: "/" }]} />}
			<LoadState query={answer}>{(data) => <Loaded key={data.id} data={data} />}</LoadState>
		</>
	);
}

function Loaded({ data }: { data: EvalAnswer }) {
	const { tab } = route.useSearch();
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
				marks={
					<>
						<PortabilityMark found={data} />
						{data.tags.map((tag) => (
							<span key={tag} className={classes.tag}>
								{tag}
							</span>
						))}
					</>
				}
				about={
					<>
						<span className="mono">{data.file}</span>
						{data.description ? <div>{data.description}</div> : null}
					</>
				}
				actions={<Actions data={data} />}
			/>
			<LastResult data={data} />
			<Tabs label="Parts of the eval">
				<Tab tab="source" current={tab} label="Source" count={data.findings.length} />
				<Tab tab="tests" current={tab} label="Tests" count={data.tests} />
				<Tab tab="setup" current={tab} label="Targets and workspace" count={data.targets.length} />
			</Tabs>
			{tab === "source" ? <SourceTab data={data} /> : null}
			{tab === "tests" ? <TestsTab id={data.id} /> : null}
			{tab === "setup" ? <SetupTab data={data} /> : null}
		</>
	);
}

function Tab(props: { tab: EvalSearch["tab"]; current: EvalSearch["tab"]; label: string; count: number }) {
	const { eval: id } = route.useParams();
	const { tab, current, label } = props;
	return (
		<Link
			to="/evals/$eval"
			params={{ eval: id }}
			search={{ tab }}
			className={tabClass}
			activeOptions={{ exact: true }}
			aria-current={tab === current ? "true" : undefined}
		>
			{label} <span className="dim">{count(props.count)}</span>
		</Link>
	);
}

function LastResult({ data: { job, last_result: last } }: { data: EvalAnswer }) {
	if (job === null && !last) return null;
	return (
		<p className={classes.last}>
			{job === null ? null : (
				<Mark tone="info" icon="play">
					Running now
				</Mark>
			)}
			{last ? (
				<>
					<span className="dim">Last result</span>
					<PassBar counts={last} />
					<Link to="/runs/$run" params={{ run: last.run }}>
						<Time at={last.started_at} />
					</Link>
				</>
			) : null}
		</p>
	);
}

function Actions({ data }: { data: EvalAnswer }) {
	const [open, setOpen] = useState<"fix" | "bundle" | "run">();
	const readOnly = useReadOnly();
	if (readOnly) return null;
	const close = () => setOpen(undefined);
	const fixable = data.findings.filter((finding) => finding.fixable).length;
	return (
		<>
			<Button
				size="xs"
				variant="default"
				leftSection={<Icon name="wrench" />}
				disabled={fixable === 0}
				title={fixable === 0 ? "Nothing here can be mended by itself" : undefined}
				onClick={() => setOpen("fix")}
			>
				{fixable === 0 ? "Fix" : `Fix ${count(fixable)}`}
			</Button>
			<Button size="xs" variant="default" leftSection={<Icon name="bundle" />} onClick={() => setOpen("bundle")}>
				Bundle
			</Button>
			<Button size="xs" leftSection={<Icon name="play" />} disabled={data.job !== null} onClick={() => setOpen("run")}>
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
