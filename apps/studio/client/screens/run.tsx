import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect } from "react";
import type { RunJobEvent, RunResponse } from "../../server/run-responses.ts";
import { ButtonLink, columns, Facts, Failure, LoadState, mono, PageHeader, ScreenLink } from "../components/page.tsx";
import { Icon, Note, PassBar, ProgressLine, RunBadge, StatusBadge, Time } from "../components/status.tsx";
import { ApiError, api, cancelJob, isExport, liveMs, unwrap, useReadOnly, writes } from "../lib/api.ts";
import { useJob } from "../lib/events.ts";
import { bound, cost, count, duration, evalName, moment, percent, score, shortSha } from "../lib/format.ts";
import { RunTests } from "./run-tests.tsx";

const route = getRouteApi("/runs/$run");

function runQuery(id: string) {
	return queryOptions({
		queryKey: ["runs", "one", id],
		queryFn: () => unwrap(api.runs[":id"].$get({ param: { id } })),
		refetchInterval: (query) => (query.state.data?.state === "under way" ? liveMs : false),
	});
}

export function Run() {
	const { run: id } = route.useParams();
	const run = useQuery(runQuery(id));
	return (
		<>
			{run.data ? null : <PageHeader title="Run" crumbs={[{ label: "Runs", to: "/runs" }]} />}
			<LoadState query={run}>{(data) => <Loaded key={data.id} run={data} />}</LoadState>
		</>
	);
}

function Loaded({ run }: { run: RunResponse }) {
	return (
		<>
			<PageHeader
				title={run.evals.map(({ name }) => evalName(name)).join(", ") || run.experiment}
				crumbs={[{ label: "Runs", to: "/runs" }]}
				badges={<RunBadge state={run.state} />}
				description={
					<Group gap="2px 16px">
						<ScreenLink to="/runs" search={{ experiment: run.experiment }}>
							{run.experiment}
						</ScreenLink>
						<span>
							started <Time at={run.started_at} />
						</span>
						<span>against {run.targets.join(", ")}</span>
						{run.benchmark ? (
							<ScreenLink to="/benchmarks/$benchmark" params={{ benchmark: run.benchmark }}>
								{run.benchmark}
							</ScreenLink>
						) : null}
					</Group>
				}
				actions={<Actions run={run} />}
			/>
			<Stack gap="sm" mb="md">
				{run.problem ? (
					<Note tone="warn" title="Some records of this run are not readable">
						<p>{run.problem}</p>
					</Note>
				) : null}
				<Live run={run} />
				<Summary run={run} />
				<Provenance run={run} />
			</Stack>
			<RunTests run={run} />
		</>
	);
}

/** Returns true if resuming was refused because files have changed. */
function hasChangedFiles(error: unknown): boolean {
	return error instanceof ApiError && error.hint?.includes("--rerun-changed") === true;
}

function Actions({ run }: { run: RunResponse }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const cancel = useMutation({ mutationFn: cancelJob });
	const resume = useMutation({
		// Resuming is refused unless changed tests run again.
		mutationFn: (rerunChanged: boolean) =>
			unwrap(writes.runs[":id"].resume.$post({ param: { id: run.id }, json: { rerun_changed: rerunChanged } })),
		onSettled: () => client.invalidateQueries({ queryKey: ["runs"] }),
	});
	const { job, eval_id: evalId } = run;
	const error = cancel.error ?? resume.error;
	return (
		<>
			{error ? (
				<Text span role="alert" c="var(--bad)" className="pre">
					{error.message}
				</Text>
			) : null}
			{job !== null && run.state === "under way" && !readOnly ? (
				<Button
					leftSection={<Icon name="stop" />}
					disabled={cancel.isSuccess}
					loading={cancel.isPending}
					onClick={() => cancel.mutate(job)}
				>
					{cancel.isSuccess ? "Stopping" : "Cancel"}
				</Button>
			) : null}
			{run.resumable && !readOnly ? (
				<Button
					variant="filled"
					leftSection={<Icon name="play" />}
					loading={resume.isPending}
					onClick={() => resume.mutate(false)}
				>
					Resume
				</Button>
			) : null}
			{run.resumable && !readOnly && hasChangedFiles(resume.error) ? (
				<Button loading={resume.isPending} onClick={() => resume.mutate(true)}>
					Rerun changed tests
				</Button>
			) : null}
			{isExport ? null : (
				<ButtonLink leftSection={<Icon name="split" />} to="/runs" search={{ pick: run.id }}>
					Compare
				</ButtonLink>
			)}
			{evalId === null ? null : (
				<ButtonLink leftSection={<Icon name="file" />} to="/evals/$eval" params={{ eval: evalId }}>
					Eval
				</ButtonLink>
			)}
		</>
	);
}

/** Known before the run is on disk. */
interface LiveRun {
	/** By position in the plan. */
	readonly current: ReadonlyMap<number, string>;
	readonly warnings: readonly string[];
	readonly stopping: boolean;
}

const notLive: LiveRun = { current: new Map(), warnings: [], stopping: false };

function reduceLive(live: LiveRun, event: RunJobEvent): LiveRun {
	switch (event.type) {
		case "attempt_started":
			return { ...live, current: new Map(live.current).set(event.index, `${event.test_id} (${event.target})`) };
		case "case_finished": {
			const current = new Map(live.current);
			current.delete(event.index);
			return { ...live, current };
		}
		case "warning":
			return { ...live, warnings: [...live.warnings, event.message].slice(-5) };
		case "stopping":
			return { ...live, stopping: true };
		default:
			return live;
	}
}

function Live({ run }: { run: RunResponse }) {
	const client = useQueryClient();
	const { state, ended, waiting } = useJob<RunJobEvent, LiveRun>(run.job ?? undefined, reduceLive, notLive);
	useEffect(() => {
		// The last events are on disk now.
		if (ended || run.state !== "under way") void client.invalidateQueries({ queryKey: ["runs"] });
	}, [client, ended, run.state]);
	const error = ended?.state === "failed" ? ended.error : undefined;
	return (
		<>
			{error ? <Failure error={error} /> : null}
			{run.state === "under way" ? <Progress run={run} state={state} waiting={waiting} /> : null}
			{state.warnings.length > 0 ? (
				<Note tone="warn" title="Warnings">
					{[...new Set(state.warnings)].map((warning) => (
						<p key={warning}>{warning}</p>
					))}
				</Note>
			) : null}
		</>
	);
}

function Progress({ run, state, waiting }: { run: RunResponse; state: LiveRun; waiting: boolean }) {
	const { passed, failed, errors } = run.summary;
	const done = passed + failed + errors;
	return (
		<Paper component="section" aria-label="Progress" aria-live="polite" px={14} py="xs">
			<ProgressLine
				label={state.stopping ? "Stopping: cancelling running tests" : `${count(done)} of ${count(run.planned)} tests`}
				percent={run.planned === 0 ? null : (done / run.planned) * 100}
			/>
			<Text c="dimmed" fz="xs" mt={6} className="breaks">
				{progressText(run, [...state.current.values()], waiting)}
			</Text>
		</Paper>
	);
}

function progressText(run: RunResponse, current: readonly string[], waiting: boolean): string {
	if (waiting) return "Connection lost. Reconnecting …";
	if (run.job === null) return "Running in another process.";
	if (current.length === 0) return "Preparing …";
	return `Running: ${current.slice(0, 4).join(", ")}${current.length > 4 ? ` and ${current.length - 4} more` : ""}`;
}

function Summary({ run: { summary, planned } }: { run: RunResponse }) {
	const { passed, failed, errors, mean_score: mean, duration_ms: ms } = summary;
	const notRun = planned - passed - failed - errors;
	const limits = bound({ mean, lower: summary.mean_score_lower_bound ?? mean, n: passed + failed, planned }, score);
	const figures: readonly Figure[] = [
		["Passed", count(passed)],
		["Failed", count(failed)],
		["Not graded", count(errors)],
		["Not run", notRun > 0 ? count(notRun) : null],
		["Mean score", mean === null ? "–" : score(mean), limits],
		["Duration", duration(ms)],
		...spending(summary),
	];
	return (
		<Paper component="dl" p="12px 14px" style={columns(112, "10px 20px")}>
			<div style={{ gridColumn: "span 2", minWidth: 0 }}>
				<Text component="dt" c="dimmed" fz="xs">
					Pass rate
				</Text>
				<Group component="dd" m={0} gap="sm" wrap="nowrap">
					<Text span fz={20} fw={700}>
						{planned === 0 ? "–" : percent(passed / planned)}
					</Text>
					<PassBar counts={{ passed, failed, errors, planned }} withPercent={false} />
				</Group>
			</div>
			{figures.map(([term, value, limits]) =>
				value === null ? null : (
					<div key={term}>
						<Text component="dt" c="dimmed" fz="xs">
							{term}
						</Text>
						<Text component="dd" m={0} fz={16}>
							{value}
							{limits ? (
								<Text c="dimmed" fz="xs">
									{limits}
								</Text>
							) : null}
						</Text>
					</div>
				),
			)}
		</Paper>
	);
}

type Figure = readonly [term: string, value: string | null, limits?: string];

function spending({ cost_usd: usd, token_usage: tokens, ...graders }: RunResponse["summary"]): Figure[] {
	const { grader_cost_usd: judgingUsd = null, grader_token_usage: judgingTokens = null } = graders;
	const judging = judgingUsd !== null || judgingTokens !== null;
	return [
		[judging ? "Target cost" : "Cost", usd === null ? null : cost(usd)],
		["Judging cost", judgingUsd === null ? null : cost(judgingUsd)],
		["Total cost", usd === null || judgingUsd === null ? null : cost(usd + judgingUsd)],
		[`${judging ? "Target tokens" : "Tokens"} in, out`, tokens && tokenText(tokens)],
		["Judging tokens in, out", judgingTokens && tokenText(judgingTokens)],
	];
}

/** `1.2 M, 88 k`. */
function tokenText({ input, output }: NonNullable<RunResponse["summary"]["token_usage"]>): string {
	const short = (value: number) =>
		value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : value >= 1e4 ? `${Math.round(value / 1e3)} k` : count(value);
	return `${short(input)}, ${short(output)}`;
}

function Provenance({ run }: { run: RunResponse }) {
	const { git, benchmark, bundle, origin } = run.provenance;
	return (
		<Paper component="details" fz="sm" px={14} py={8}>
			<summary>
				<Group display="inline-flex" gap="4px 18px" c="dimmed">
					<Text span fw={600} c="var(--text)">
						Provenance
					</Text>
					{git ? (
						<span>
							commit <span className="mono">{shortSha(git.commit)}</span>
							{git.branch ? ` on ${git.branch}` : ""}
						</span>
					) : (
						<span>no commit</span>
					)}
					{git?.dirty ? <StatusBadge look={["warn", "dirty", "dirty"]} title="Files differed from the commit" /> : null}
					{benchmark ? (
						<span>
							{benchmark.id} <span className="mono">{benchmark.revision ? shortSha(benchmark.revision) : ""}</span>
						</span>
					) : null}
					{origin ? <span>{origin.kind === "regrade" ? "regraded" : "rerun of failed tests"}</span> : null}
					{bundle ? (
						<span>
							bundle {bundle.name} <span className="mono">{bundle.digest.slice(0, 12)}</span>
						</span>
					) : null}
				</Group>
			</summary>
			<Text component="div" mt="xs">
				<ProvenanceFacts run={run} />
			</Text>
		</Paper>
	);
}

function ProvenanceFacts({ run }: { run: RunResponse }) {
	const {
		git,
		benchmark,
		bundle,
		evals,
		targets,
		repositories = [],
		opaque = [],
		origin,
		...versions
	} = run.provenance;
	return (
		<Facts
			of={{
				Directory: mono(run.directory),
				Started: moment(run.started_at),
				Versions: `AgentV ${versions.agentv_version}, Node ${versions.node_version}`,
				Commit: mono(git?.commit),
				"Benchmark revision": benchmark && (
					<>
						<ScreenLink to="/benchmarks/$benchmark" params={{ benchmark: benchmark.id }}>
							{benchmark.id}
						</ScreenLink>{" "}
						{mono(benchmark.revision)}
					</>
				),
				Origin: origin && <Origin origin={origin} run={run.origin_run} />,
				"Bundle digest": mono(bundle?.digest),
				...Object.fromEntries(evals.map(({ file, digest }) => [file, mono(digest)])),
				...Object.fromEntries(
					targets.map((target) => [`Target ${target.name}`, <Target key={target.name} target={target} />]),
				),
				"Not covered by fingerprints":
					opaque.length === 0
						? null
						: opaque.map(({ what, why }) => (
								<div key={`${what} ${why}`}>
									{mono(what)} <span className="dim">{why}</span>
								</div>
							)),
				...Object.fromEntries(
					repositories.map(({ path, repo, sha }) => [`Repository at ${path}`, mono(`${repo} @ ${shortSha(sha)}`)]),
				),
			}}
		/>
	);
}

function Target({ target: { provider, via, facts = {} } }: { target: RunResponse["provenance"]["targets"][number] }) {
	return (
		<>
			{[provider, ...Object.entries(facts).map(([key, value]) => `${key} ${value}`)].join(", ")}
			{via.length > 1 ? <span className="mono dim"> {via.join(" → ")}</span> : null}
		</>
	);
}

interface OriginProps {
	readonly origin: NonNullable<RunResponse["provenance"]["origin"]>;
	readonly run: string | null;
}

function Origin({ origin: { kind, run_id: name, graders }, run }: OriginProps) {
	const from =
		run === null ? (
			<span className="mono">{name}</span>
		) : (
			<Link to="/runs/$run" params={{ run }}>
				{name}
			</Link>
		);
	if (kind === "rerun_failed") return <>Reruns the tests that did not pass in {from}</>;
	return (
		<>
			Regrades the outputs of {from}
			{graders ? ` by ${graders.join(", ")}` : ""}; cost and duration of the target are those of that run
		</>
	);
}
