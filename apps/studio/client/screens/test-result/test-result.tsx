import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { TestErrorAnswer, TestResultAnswer } from "../../../server/answers/runs.ts";
import { Chips, chipClass } from "../../components/chips.tsx";
import { DiffView } from "../../components/code/diff-view.tsx";
import { Icon } from "../../components/icon.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { Panel } from "../../components/panel.tsx";
import { RichText } from "../../components/rich-text.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { evalName } from "../../lib/eval-name.ts";
import { bytes, score } from "../../lib/format.ts";
import { testResultQuery } from "../../lib/queries.ts";
import { Assertions } from "./assertions.tsx";
import { Messages } from "./messages.tsx";
import { ResultFacts } from "./result-facts.tsx";
import { Logs, Timings } from "./stages.tsx";
import classes from "./test-result.module.css";

const route = getRouteApi("/runs/$run/tests/$test");

/** One attempt of a test: its input, its answer and how it was graded. */
export function TestResult() {
	const { run, test } = route.useParams();
	const result = useQuery(testResultQuery(run, test));
	const crumbs = [
		{ label: "Runs", to: "/runs" },
		{ label: result.data ? evalName(result.data.eval) : "Run", to: `/runs/${run}` },
	];
	return (
		<>
			{result.data ? null : <PageHeader title="Test result" crumbs={crumbs} />}
			<LoadState query={result}>
				{(data) => (
					<>
						<PageHeader
							title={data.test_id}
							crumbs={crumbs}
							marks={<StatusMark status={data.status} />}
							about={about(data)}
							actions={<Neighbours run={run} result={data} />}
						/>
						<Attempts run={run} result={data} />
						<Result key={data.id} result={data} />
					</>
				)}
			</LoadState>
		</>
	);
}

function about({ status, score: value, threshold, target, attempt, test: { repeat } }: TestResultAnswer): string {
	const judged = status === "execution_error" ? "not graded" : `score ${score(value)}, threshold ${score(threshold)}`;
	return `${judged} · target ${target}${repeat.count > 1 ? ` · attempt ${attempt} of ${repeat.count}` : ""}`;
}

const strategies = {
	mean: "the mean score of its attempts decides",
	pass_any: "one attempt that passes is enough",
	pass_all: "every attempt must pass",
} as const;

/** The attempts of a test that is run several times, and what they come to together. */
function Attempts({ run, result: { id, test } }: { run: string; result: TestResultAnswer }) {
	if (test.repeat.count === 1) return null;
	return (
		<div className={classes.attempts}>
			<Chips label="Attempts">
				{test.attempts.map((one) => (
					<Link
						key={one.id}
						to="/runs/$run/tests/$test"
						params={{ run, test: one.id }}
						className={chipClass}
						aria-current={one.id === id ? "true" : undefined}
					>
						Attempt {one.attempt} <StatusMark status={one.status} />
					</Link>
				))}
			</Chips>
			<p className={classes.together}>
				The test: <StatusMark status={test.status} />
				{test.score === null ? "" : `score ${score(test.score)}, `}
				{strategies[test.repeat.strategy]}
			</p>
		</div>
	);
}

function Neighbours({ run, result: { previous, next } }: { run: string; result: TestResultAnswer }) {
	const step = (test: string | null, label: string, icon: "back" | "chevron") =>
		test === null ? null : (
			<Link to="/runs/$run/tests/$test" params={{ run, test }} className={classes.step} aria-label={`${label} result`}>
				{icon === "back" ? <Icon name={icon} /> : null}
				{label}
				{icon === "chevron" ? <Icon name={icon} /> : null}
			</Link>
		);
	return (
		<nav aria-label="Other results" className={classes.steps}>
			{step(previous, "Previous", "back")}
			{step(next, "Next", "chevron")}
		</nav>
	);
}

function Result({ result }: { result: TestResultAnswer }) {
	return (
		<>
			<Problems result={result} />
			<div className={classes.columns}>
				<div>
					<Panel title="Output">
						{result.output === null ? (
							<p className="dim">There is none.</p>
						) : (
							<RichText label="the output" text={result.output} />
						)}
						{result.output_cut > 0 ? <Cut size={result.output_cut} /> : null}
					</Panel>
					{result.expected === null ? null : (
						<Panel title="Expected">
							<RichText label="what was expected" text={result.expected} />
						</Panel>
					)}
					{result.criteria === null ? null : (
						<Panel title="Criteria">
							<RichText label="the criteria" text={result.criteria} />
						</Panel>
					)}
					<Panel title="Input" flush>
						<Messages messages={result.input} />
					</Panel>
					{saysMore(result) ? (
						<Panel title="Transcript" flush>
							<Messages messages={result.transcript} />
						</Panel>
					) : null}
					{result.file_changes ? (
						<Panel title="Changes in the workspace" flush>
							<DiffView label="Changes in the workspace" diff={result.file_changes} />
							{result.file_changes_cut > 0 ? <Cut size={result.file_changes_cut} /> : null}
						</Panel>
					) : null}
				</div>
				<div>
					<Assertions scores={result.scores} />
					<ResultFacts result={result} />
					{result.timings === null ? null : <Timings timings={result.timings} />}
					{result.logs.length > 0 ? <Logs logs={result.logs} /> : null}
				</div>
			</div>
		</>
	);
}

/** A transcript that is nothing but the output would say the same twice. */
function saysMore({ transcript, output }: TestResultAnswer): boolean {
	const [only, ...more] = transcript;
	if (only === undefined) return false;
	return more.length > 0 || only.tool_calls.length > 0 || only.content.trim() !== output?.trim();
}

function errorTitle({ status }: TestResultAnswer, { stage, caused_by: by }: TestErrorAnswer): string {
	const verdict = status === "execution_error" ? "Not graded" : "Failed";
	return `${verdict}: ${stage} failed${by === undefined || by === stage ? "" : `, caused by the ${by}`}`;
}

function Problems({ result }: { result: TestResultAnswer }) {
	const { error, warnings, recorded } = result;
	return (
		<div className={classes.problems}>
			{error ? (
				<Note tone="bad" title={errorTitle(result, error)}>
					<p className={classes.message}>{error.message}</p>
					<p className="dim mono">
						{error.stage}/{error.code}
					</p>
				</Note>
			) : null}
			{warnings.map(({ stage, code, message }) => (
				<Note key={`${stage} ${code} ${message}`} tone="warn" title={`Warning from ${stage}`}>
					<p className={classes.message}>{message}</p>
				</Note>
			))}
			{recorded ? null : (
				<Note tone="quiet" title="Its own record is not there: this is what the run’s table says of it" />
			)}
		</div>
	);
}

function Cut({ size }: { size: number }) {
	return <p className={classes.cut}>{bytes(size)} more are on disk.</p>;
}
