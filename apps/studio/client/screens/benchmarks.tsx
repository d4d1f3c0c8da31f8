import { Button, Code, Group, Paper, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { BenchmarkAnswer } from "../../server/describe-benchmark.ts";
import type { BenchmarkListAnswer } from "../../server/routes/benchmarks.ts";
import { BenchmarkActions, BenchmarkBadges, LastSync, SyncNote } from "../components/benchmark-status.tsx";
import { FilterBar, SearchField } from "../components/form.tsx";
import { columns, Empty, LoadState, PageHeader, Pager } from "../components/page.tsx";
import { Icon, Note } from "../components/status.tsx";
import { aboutQuery, api, listQuery, useReadOnly } from "../lib/api.ts";
import {
	startAllActivities,
	useBenchmarkStatus,
	useRunningSyncs,
	useStatusStream,
	useSyncActivity,
} from "../lib/benchmark-activity.ts";
import { plural } from "../lib/format.ts";
import classes from "./benchmarks.module.css";

const AddDialog = lazy(async () => ({ default: (await import("./benchmark-dialogs.tsx")).AddDialog }));
const route = getRouteApi("/");

const benchmarksQuery = (page: number, search: string) =>
	listQuery(["benchmarks", "list", page, search], () => api.benchmarks.$get({ query: { page: String(page), search } }));

export function Benchmarks() {
	const { page, search } = route.useSearch();
	const [isAdding, setIsAdding] = useState(false);
	const readOnly = useReadOnly();
	const list = useQuery(benchmarksQuery(page, search));
	const add = readOnly ? undefined : () => setIsAdding(true);
	return (
		<>
			<PageHeader
				title="Benchmarks"
				description={list.data ? plural(list.data.total, "benchmark") : " "}
				actions={
					add ? (
						<>
							{list.data?.items.some(({ source }) => source) ? <AllActions items={list.data.items} /> : null}
							<Button variant="filled" leftSection={<Icon name="add" />} onClick={add}>
								Add benchmark
							</Button>
						</>
					) : null
				}
			/>
			<LoadState query={list}>{(response) => <List response={response} add={add} />}</LoadState>
			<WorkingDirectory />
			<Suspense>{isAdding ? <AddDialog onClose={() => setIsAdding(false)} /> : null}</Suspense>
		</>
	);
}

function AllActions({ items }: { items: readonly BenchmarkAnswer[] }) {
	const client = useQueryClient();
	const ids = items.filter(({ source }) => source !== null).map(({ id }) => id);
	const check = useMutation({ mutationFn: () => startAllActivities(client, "status", ids) });
	const sync = useMutation({ mutationFn: () => startAllActivities(client, "sync", ids) });
	const error = sync.error ?? check.error;
	return (
		<>
			<Button leftSection={<Icon name="remote" />} loading={check.isPending} onClick={() => check.mutate()}>
				Check status
			</Button>
			<Button leftSection={<Icon name="sync" />} loading={sync.isPending} onClick={() => sync.mutate()}>
				Sync all
			</Button>
			{error ? (
				<Text span role="alert" c="var(--bad)">
					{error.message}
				</Text>
			) : null}
		</>
	);
}

function List({ response, add }: { response: BenchmarkListAnswer; add: (() => void) | undefined }) {
	const { search } = route.useSearch();
	const navigate = route.useNavigate();
	const status = useStatusStream(response.items.filter(({ problem }) => problem === null).map(({ id }) => id));
	useRunningSyncs(response.items);
	if (response.total === 0 && search === "" && response.problems.length === 0)
		return <NoBenchmarks registry={response.registry} add={add} />;
	return (
		<Stack gap="sm">
			<Problems response={response} />
			{status.isError ? (
				<Note tone="warn" live title="Could not read the state of the benchmarks">
					<p>{status.error.message}</p>
				</Note>
			) : null}
			{response.total > 8 || search !== "" ? (
				<FilterBar>
					<SearchField
						label="Search benchmarks"
						value={search}
						onChange={(value) => void navigate({ search: { search: value, page: 1 }, replace: true })}
					/>
				</FilterBar>
			) : null}
			{response.items.length > 0 ? (
				<Paper component="ul" className="divided" aria-label="Benchmarks">
					{response.items.map((item) => (
						<BenchmarkRow key={item.id} item={item} />
					))}
				</Paper>
			) : null}
			{response.total === 0 && search !== "" ? <p className="dim">No benchmarks match “{search}”.</p> : null}
			<Pager
				page={response.page}
				pages={response.pages}
				onPage={(page) => void navigate({ search: (before) => ({ ...before, page }) })}
			/>
		</Stack>
	);
}

function BenchmarkRow({ item }: { item: BenchmarkAnswer }) {
	const { id, name, source, path, problem } = item;
	const status = useBenchmarkStatus(id);
	const activity = useSyncActivity(id);
	const location = source ? source.url + (source.ref === null ? "" : ` @ ${source.ref}`) : path;
	return (
		<li className={classes.row} aria-label={name}>
			<div className={classes.name}>
				<Link className="breaks" to="/benchmarks/$benchmark" params={{ benchmark: id }}>
					{name}
				</Link>{" "}
				{name === id ? null : <span className="mono dim">{id}</span>}
				<Group gap={6} wrap="nowrap" c="dimmed" fz="xs" title={path}>
					<Icon name={source ? "branch" : "folder"} size={12} />
					<span className="mono cut">{location}</span>
				</Group>
			</div>
			<Group className={classes.badges} gap={6}>
				<BenchmarkBadges item={item} status={status} />
			</Group>
			<div className={classes.sync}>{source ? <LastSync sync={item.last_sync} /> : null}</div>
			<div className={classes.evals}>{status ? plural(status.evals, "eval") : ""}</div>
			<div className={classes.actions}>
				<BenchmarkActions benchmark={item} busy={activity?.running ?? false} />
			</div>
			<div className={classes.message}>{problem ?? status?.message ?? " "}</div>
			{activity ? (
				<div className={classes.activity}>
					<SyncNote benchmark={id} activity={activity} />
				</div>
			) : null}
		</li>
	);
}

function Problems({ response: { problems, registry } }: { response: BenchmarkListAnswer }) {
	if (problems.length === 0) return null;
	return (
		<Note tone="warn" title={`${plural(problems.length, "problem")} in the registry`}>
			{problems.map(({ message, hint, line }) => (
				<p key={`${line} ${message}`}>
					<span className="mono">
						{registry}
						{line === undefined ? "" : `:${line}`}
					</span>{" "}
					{message}
					{hint ? ` — ${hint}` : ""}
				</p>
			))}
		</Note>
	);
}

function WorkingDirectory() {
	const about = useQuery(aboutQuery);
	if (!about.data) return null;
	return (
		<Group gap={8} mt="md" c="dimmed" fz="sm" wrap="nowrap">
			<Icon name="folder" />
			<span className="breaks">
				Evals in this directory: <Link to="/here">{about.data.cwd}</Link>
			</span>
		</Group>
	);
}

const registryExample = `benchmarks:
  - id: team-evals
    path: team-evals
    source:
      url: https://git.example.org/team/evals.git
      ref: main`;

function NoBenchmarks({ registry, add }: { registry: string; add: (() => void) | undefined }) {
	return (
		<Paper>
			<Empty icon="folder" title="No benchmarks yet">
				A benchmark is a git repository or a directory that contains evals. There are three ways to add one.
			</Empty>
			<Text component="ol" p="md" style={{ ...columns(280, "16px 32px"), borderTop: "1px solid var(--line)" }}>
				<Way title="Here" description="Enter a directory or a git URL.">
					{add ? (
						<Button variant="filled" onClick={add}>
							Add benchmark
						</Button>
					) : (
						<p>This Studio is read-only.</p>
					)}
				</Way>
				<Way title="In a terminal" description="Studio and the command line share one registry.">
					<Code block className="pre">
						agentv benchmark add https://git.example.org/team/evals.git
					</Code>
				</Way>
				<Way title="In the registry file" description={<span className="mono breaks">{registry}</span>}>
					<Code block className="pre">
						{registryExample}
					</Code>
				</Way>
			</Text>
		</Paper>
	);
}

function Way({ title, description, children }: { title: string; description: ReactNode; children: ReactNode }) {
	return (
		<li style={{ minWidth: 0 }}>
			<h2>{title}</h2>
			<Text c="dimmed" mb="xs">
				{description}
			</Text>
			{children}
		</li>
	);
}
