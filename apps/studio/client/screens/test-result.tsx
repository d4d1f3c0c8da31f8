import "@mantine/core/styles/Table.css";
import { Button, Group, Paper, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Message as RecordedMessage, TestResult as Result } from "../../server/test-responses.ts";
import { DiffView, RichText, TextView } from "../components/code.tsx";
import { ButtonLink, Chip, Chips, Facts, LoadState, mono, PageHeader, Panel } from "../components/page.tsx";
import { Icon, Note, StatusItem, TestBadge } from "../components/status.tsx";
import layout from "../layout.module.css";
import { isExport, testResultQuery } from "../lib/api.ts";
import { bytes, cost, count, duration, evalName, moment, score, usage } from "../lib/format.ts";

const route = getRouteApi("/runs/$run/tests/$test");

export function TestResult() {
	const { run, test } = route.useParams();
	const query = useQuery(testResultQuery(run, test));
	const crumbs = [
		{ label: "Runs", to: "/runs" },
		{ label: query.data ? evalName(query.data.eval) : "Run", to: `/runs/${run}` },
	];
	return (
		<>
			{query.data ? null : <PageHeader title="Test result" crumbs={crumbs} />}
			<LoadState query={query}>
				{(result) => (
					<>
						<PageHeader
							title={result.test_id}
							crumbs={crumbs}
							badges={<TestBadge status={result.execution_status} />}
							description={describe(result)}
							actions={<Neighbors run={run} result={result} />}
						/>
						<Attempts run={run} result={result} />
						<ResultPanels key={result.id} result={result} />
					</>
				)}
			</LoadState>
		</>
	);
}

function describe({ execution_status: status, score: value, threshold, target, attempt, test }: Result): string {
	const { repeat } = test;
	const grade = status === "execution_error" ? "not graded" : `score ${score(value)}, threshold ${score(threshold)}`;
	return `${grade} · target ${target}${repeat.count > 1 ? ` · attempt ${attempt} of ${repeat.count}` : ""}`;
}

const strategies = {
	mean: "the mean score of all attempts counts",
	pass_any: "at least one attempt must pass",
	pass_all: "every attempt must pass",
} as const;

function Attempts({ run, result: { id, test } }: { run: string; result: Result }) {
	if (test.repeat.count === 1) return null;
	return (
		<Group gap="8px 16px" mb="sm" fz="sm" c="dimmed">
			<Chips label="Attempts">
				{test.attempts.map((attempt) => (
					<Chip
						key={attempt.id}
						to="/runs/$run/tests/$test"
						params={{ run, test: attempt.id }}
						isCurrent={attempt.id === id}
						rightSection={<TestBadge status={attempt.execution_status} />}
					>
						Attempt {attempt.attempt}
					</Chip>
				))}
			</Chips>
			<Group gap="2px 6px">
				Test: <TestBadge status={test.status} />
				{test.score === null ? "" : `score ${score(test.score)}, `}
				{strategies[test.repeat.strategy]}
			</Group>
		</Group>
	);
}

function Neighbors({ run, result: { previous, next } }: { run: string; result: Result }) {
	return (
		<Group component="nav" aria-label="Other results" gap={8}>
			{previous === null ? null : (
				<ButtonLink
					to="/runs/$run/tests/$test"
					params={{ run, test: previous }}
					aria-label="Previous result"
					leftSection={<Icon name="back" />}
				>
					Previous
				</ButtonLink>
			)}
			{next === null ? null : (
				<ButtonLink
					to="/runs/$run/tests/$test"
					params={{ run, test: next }}
					aria-label="Next result"
					rightSection={<Icon name="chevron" />}
				>
					Next
				</ButtonLink>
			)}
		</Group>
	);
}

function ResultPanels({ result }: { result: Result }) {
	const { output, expected_output: expected, criteria, input, messages, scores, timings_ms: timings } = result;
	const { file_changes: changes, logs = [] } = result;
	return (
		<>
			<Problems result={result} />
			<div className={layout.columns}>
				<div>
					<Panel title="Output">
						{output === null ? <p className="dim">No output.</p> : <RichText label="the output" text={output} />}
						<Cut size={result.output_cut} />
					</Panel>
					{expected === undefined ? null : (
						<Panel title="Expected">
							<RichText label="the expected output" text={expected} />
						</Panel>
					)}
					{criteria === undefined ? null : (
						<Panel title="Criteria">
							<RichText label="the criteria" text={criteria} />
						</Panel>
					)}
					<Panel title="Input" flush>
						<Messages messages={input} />
					</Panel>
					{addsToOutput(result) ? (
						<Panel title="Transcript" flush>
							<Messages messages={messages} />
						</Panel>
					) : null}
					{changes ? (
						<Panel title="Workspace changes" flush>
							<DiffView label="Workspace changes" diff={changes} />
							<Cut size={result.file_changes_cut} />
						</Panel>
					) : null}
				</div>
				<div>
					<Assertions scores={scores} />
					<Details result={result} />
					{timings === undefined ? null : <Timings timings={timings} />}
					{logs.length > 0 ? <Logs logs={logs} /> : null}
				</div>
			</div>
		</>
	);
}

/** Returns false for a transcript that only repeats the output. */
function addsToOutput({ messages, output }: Result): boolean {
	const [only, ...more] = messages;
	if (only === undefined) return false;
	return more.length > 0 || only.tool_calls !== undefined || only.content.trim() !== output?.trim();
}

function Cut({ size }: { size: number }) {
	if (size === 0) return null;
	return (
		<Text c="dimmed" fz="xs" px={14} py={8}>
			{bytes(size)} more are on disk.
		</Text>
	);
}

function errorTitle(
	{ execution_status: status }: Result,
	{ stage, caused_by: by }: NonNullable<Result["error"]>,
): string {
	const verdict = status === "execution_error" ? "Not graded" : "Failed";
	return `${verdict}: ${stage} failed${by === undefined || by === stage ? "" : `, caused by the ${by}`}`;
}

const missingRecord = "The record of this test is missing; this is its row in the results of the run";
const exportedRow = "This page contains only the scores of this attempt; agentv results show --test shows the rest";

function Problems({ result }: { result: Result }) {
	const { error, warnings = [], recorded } = result;
	if (!error && warnings.length === 0 && recorded) return null;
	return (
		<Stack gap="xs" mb="sm">
			{error ? (
				<Note tone="bad" title={errorTitle(result, error)}>
					<p className="pre">{error.message}</p>
					<p className="dim mono">
						{error.stage}/{error.code}
					</p>
				</Note>
			) : null}
			{warnings.map(({ stage, code, message }) => (
				<Note key={`${stage} ${code} ${message}`} tone="warn" title={`Warning from ${stage}`}>
					<p className="pre">{message}</p>
				</Note>
			))}
			{recorded ? null : <Note tone="quiet" title={isExport ? exportedRow : missingRecord} />}
		</Stack>
	);
}

type Grade = Result["scores"][number];

function Assertions({ scores }: { scores: Result["scores"] }) {
	const countOf = (wanted: Grade["verdict"]) => scores.filter(({ verdict }) => verdict === wanted).length;
	const notJudged = countOf("not_judged");
	const summary = `${countOf("pass")} of ${scores.length} graders passed${notJudged > 0 ? `, ${notJudged} not graded` : ""}`;
	return (
		<Panel title="Assertions" aside={scores.length === 0 ? undefined : summary} flush>
			{scores.length === 0 ? (
				<Text c="dimmed" p="12px 14px">
					Nothing was graded.
				</Text>
			) : (
				<Scores scores={scores} />
			)}
		</Panel>
	);
}

function Scores({ scores }: { scores: Result["scores"] }) {
	return (
		<ul className="divided">
			{scores.map((score, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: graders may share a name
				<Score key={index} score={score} />
			))}
		</ul>
	);
}

const verdictLooks = {
	pass: ["good", "check", "Passed"],
	fail: ["bad", "cross", "Failed"],
	not_judged: ["warn", "warning", "Not graded"],
} as const;

function Score({ score: grade }: { score: Grade }) {
	const { name, type, score: value, weight, verdict, assertions, parts = [], error, veto, usage: used } = grade;
	const [tone, icon, label] = verdictLooks[verdict];
	const spent = used ? usage(used) : undefined;
	return (
		<li>
			<Group gap="2px 8px" data-tone={tone}>
				<Icon name={icon} />
				<VisuallyHidden>{label}: </VisuallyHidden>
				<strong>{name}</strong>
				{type === name ? null : <span className="dim">{type}</span>}
				<Text span ml="auto">
					{value === null ? "not graded" : score(value)}
					{weight === 1 ? null : <span className="dim"> × {weight}</span>}
				</Text>
			</Group>
			{veto ? <Text c="var(--bad)">The grader vetoes the output, although its score would pass.</Text> : null}
			{error ? (
				<p className="pre">
					{error.message} <span className="dim mono">{error.code}</span>
				</p>
			) : null}
			{used ? (
				<Text c="dimmed" fz="xs">
					graded by <span className="mono">{used.model ?? used.target}</span>
					{spent === undefined ? "" : `: ${spent}`}
				</Text>
			) : null}
			{assertions.length > 0 ? (
				<Stack component="ul" gap={6} mt={4}>
					{assertions.map(({ text, passed, evidence }, index) => (
						// biome-ignore lint/suspicious/noArrayIndexKey: a grader may repeat an assertion
						<StatusItem key={index} look={verdictLooks[passed ? "pass" : "fail"]}>
							{text}
							{evidence ? <p className="dim pre">{evidence}</p> : null}
						</StatusItem>
					))}
				</Stack>
			) : null}
			{parts.length > 0 ? (
				<Text component="div" ml={6} mt={6} style={{ borderLeft: "2px solid var(--line)" }}>
					<Scores scores={parts} />
				</Text>
			) : null}
		</li>
	);
}

function cachedText(cached: NonNullable<Result["cached"]>): string {
	const parts = [usage(cached), cached.duration_ms === undefined ? undefined : duration(cached.duration_ms)];
	const known = parts.filter((part) => part !== undefined);
	return known.length === 0 ? "yes" : `originally ${known.join(", ")}`;
}

function Details({ result }: { result: Result }) {
	const { cost_usd: usd, judging, cached, metadata = {} } = result;
	return (
		<>
			<Panel title="Details">
				<Facts
					of={{
						Duration: duration(result.duration_ms),
						[judging ? "Target" : "Cost and tokens"]: usage(result),
						Judging: judging && usage(judging),
						"Total cost": usd === undefined || judging?.cost_usd === undefined ? null : cost(usd + judging.cost_usd),
						"Stop reason": result.stop_reason,
						"From the cache": cached && cachedText(cached),
						Rerun: result.rerun ? "because something it depends on had changed" : null,
						Finished: result.timestamp && moment(result.timestamp),
						Eval: mono(result.eval),
						"Workspace (kept)": mono(result.workspace_path),
					}}
				/>
			</Panel>
			{Object.keys(metadata).length > 0 ? (
				<Panel title="Metadata">
					<TextView label="Metadata" text={JSON.stringify(metadata, null, 2)} />
				</Panel>
			) : null}
		</>
	);
}

function Timings({ timings }: { timings: NonNullable<Result["timings_ms"]> }) {
	const stages = Object.entries(timings);
	const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
	return (
		<Panel title="Duration of each stage" flush>
			<Table horizontalSpacing={14} verticalSpacing={5} withRowBorders={false}>
				<tbody>
					{stages.map(([stage, ms]) => (
						<Table.Tr key={stage}>
							<Table.Th scope="row" w={76} fw={400}>
								{stage}
							</Table.Th>
							<Table.Td aria-hidden="true">
								<div
									style={{
										width: `${total === 0 ? 0 : (100 * ms) / total}%`,
										minWidth: 2,
										height: 6,
										borderRadius: 3,
										background: "var(--accent)",
									}}
								/>
							</Table.Td>
							<Table.Td w="1%" ta="right" style={{ whiteSpace: "nowrap" }}>
								{duration(ms)}
							</Table.Td>
						</Table.Tr>
					))}
				</tbody>
			</Table>
		</Panel>
	);
}

function Logs({ logs }: { logs: NonNullable<Result["logs"]> }) {
	return (
		<Panel title="Logs" flush>
			<div className="divided">
				{logs.map(({ stage, name, text, omitted = 0 }, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: a program may print several times in one stage
					<details key={index}>
						<summary>
							{stage} <span className="mono dim">{name}</span>
						</summary>
						<TextView label={`Log of ${stage}: ${name}`} text={text} />
						{omitted > 0 ? <p className="dim">{count(omitted)} characters are omitted.</p> : null}
					</details>
				))}
			</div>
		</Panel>
	);
}

/** More messages are shown on demand. */
const maxMessages = 40;

function Messages({ messages }: { messages: readonly RecordedMessage[] }) {
	const [all, setAll] = useState(false);
	const shown = all ? messages : messages.slice(0, maxMessages);
	return (
		<ol className="divided">
			{shown.map((message, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: messages have no other identity than their index
				<Message key={index} message={message} />
			))}
			{shown.length < messages.length ? (
				<li>
					<Button variant="subtle" fullWidth onClick={() => setAll(true)}>
						Show {messages.length - shown.length} more messages
					</Button>
				</li>
			) : null}
		</ol>
	);
}

function Message({ message: { role, content, tool_calls: calls = [] } }: { message: RecordedMessage }) {
	return (
		<Group component="li" gap="4px 12px" align="flex-start">
			<Text span c={role === "assistant" ? "var(--info)" : "dimmed"} fz="xs" fw={550} w={76} lh="21px">
				{role}
			</Text>
			<Stack gap={8} flex="1 1 220px" miw={0}>
				{content !== "" || calls.length === 0 ? <RichText label={`the ${role}’s message`} text={content} /> : null}
				{calls.map((call, index) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: calls have no other identity than their index
					<Paper component="details" key={index} px={10} py={6}>
						<Group component="summary" gap={8} wrap="nowrap">
							<Icon name="wrench" size={13} />
							<span className="mono">{call.tool}</span>
							<Text span flex={1} c="dimmed" className="mono cut">
								{textOf(call.input).slice(0, 120)}
							</Text>
							{call.duration_ms === undefined ? null : <span>{duration(call.duration_ms)}</span>}
						</Group>
						<p className="dim">Input</p>
						<TextView label={`Input of ${call.tool}`} text={textOf(call.input, 2)} />
						<p className="dim">Output</p>
						<TextView label={`Output of ${call.tool}`} text={textOf(call.output, 2)} />
					</Paper>
				))}
			</Stack>
		</Group>
	);
}

function textOf(value: unknown, indent?: number): string {
	if (value === null || value === undefined) return "none";
	return typeof value === "string" ? value : JSON.stringify(value, null, indent);
}
