import { Button, Code, Group, Paper, Stack, Text } from "@mantine/core";
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { BundleEvent } from "../../server/bundles.ts";
import type { EvalAnswer } from "../../server/describe-eval.ts";
import type { FixAnswer, FixPreviewAnswer, RunPlanAnswer } from "../../server/plans.ts";
import type { RunJobEvent } from "../../server/run-responses.ts";
import { DiffView } from "../components/code.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Check, Field } from "../components/form.tsx";
import { Facts, Failure, LoadState, mono } from "../components/page.tsx";
import { Icon, Note, ProgressLine, StatusBadge } from "../components/status.tsx";
import { ApiError, api, apiAddress, previewQuery, unwrap, writes } from "../lib/api.ts";
import { followJob, useJob } from "../lib/events.ts";
import { bytes, plural } from "../lib/format.ts";
import { CommandList, TargetList } from "./eval-setup.tsx";

/** `migrate` replaces deprecated spellings, `pin` branches and tags by their commits. */
const fixPreviewQuery = (id: string, json: { readonly migrate: boolean; readonly pin: boolean }) =>
	previewQuery(["fix-preview", id, json], () => writes.evals[":id"].fix.preview.$post({ param: { id }, json }));

interface FixDialogProps {
	readonly id: string;
	/** Whether to offer pinning. */
	readonly hasRepos: boolean;
	readonly onClose: () => void;
}

/** Writes the fix only after a preview. */
export function FixDialog({ id, hasRepos, onClose }: FixDialogProps) {
	const client = useQueryClient();
	const [modes, setModes] = useState({ migrate: false, pin: false });
	const preview = useQuery(fixPreviewQuery(id, modes));
	const fix = useMutation({
		mutationFn: (digest: string) =>
			unwrap(writes.evals[":id"].fix.$post({ param: { id }, json: { ...modes, digest } })),
		onSuccess: () => client.invalidateQueries({ queryKey: ["evals"] }),
	});
	const { files = [], digest = "" } = preview.data ?? {};
	return (
		<Dialog
			title={fix.data ? "Fixed" : "Preview of the fix"}
			onClose={onClose}
			wide
			cancel={fix.data ? "Close" : "Cancel"}
			action={
				files.length > 0 && !fix.data ? (
					<Button variant="filled" loading={fix.isPending} onClick={() => fix.mutate(digest)}>
						Write {plural(files.length, "file")}
					</Button>
				) : null
			}
		>
			{fix.isError ? <Failure error={fix.error} retry={() => void preview.refetch().then(() => fix.reset())} /> : null}
			{fix.data ? (
				<Fixed response={fix.data} />
			) : (
				<>
					<Check
						label="Also migrate deprecated spellings"
						checked={modes.migrate}
						onChange={(migrate) => setModes({ ...modes, migrate })}
					/>
					{hasRepos ? (
						<Check
							label="Also pin repositories to their current commits"
							checked={modes.pin}
							onChange={(pin) => setModes({ ...modes, pin })}
						/>
					) : null}
					<LoadState query={preview} label="Preparing the preview">
						{(response) => <Preview response={response} />}
					</LoadState>
				</>
			)}
		</Dialog>
	);
}

function Fixed({ response: { files, fixed, errors, warnings } }: { response: FixAnswer }) {
	return (
		<Note tone="good" live title={`${plural(fixed, "finding")} fixed in ${plural(files.length, "file")}`}>
			{files.map((file) => (
				<p key={file} className="mono">
					{file}
				</p>
			))}
			<p>
				{errors + warnings === 0
					? "No problems remain."
					: `${plural(errors, "error")} and ${plural(warnings, "warning")} remain.`}
			</p>
		</Note>
	);
}

function Preview({ response: { files, changes, refused } }: { response: FixPreviewAnswer }) {
	return (
		<Stack gap="sm">
			{files.length === 0 ? <Note tone="quiet" title="Nothing to write" /> : null}
			{changes.length > 0 ? (
				<ul className="breaks">
					{changes.map(({ rule, file, says }) => (
						<li key={`${rule} ${file} ${says}`}>
							• {says} <span className="dim mono">{rule}</span>
						</li>
					))}
				</ul>
			) : null}
			{files.map(({ file, diff, created }) => (
				<Section key={file} title={<span className="mono">{created ? `${file} (new)` : file}</span>}>
					<DiffView label={`Changes of ${file}`} diff={diff} oneFile />
				</Section>
			))}
			{refused.length > 0 ? (
				<Note tone="warn" title="Not auto-fixable">
					{refused.map(({ rule, reason }) => (
						<p key={`${rule} ${reason}`}>
							{reason} <span className="dim mono">{rule}</span>
						</p>
					))}
				</Note>
			) : null}
		</Stack>
	);
}

function Section({ title, children }: { title: ReactNode; children: ReactNode }) {
	return (
		<Paper component="section">
			<Text component="h3" px={14} py={6} fw={600} className="breaks" style={{ borderBottom: "1px solid var(--line)" }}>
				{title}
			</Text>
			{children}
		</Paper>
	);
}

const bundleFormId = "bundle-options";

type BundleOutcome = Extract<BundleEvent, { readonly type: "outcome" }>;

interface BundleState {
	readonly label: string;
	readonly percent: number | null;
	readonly outcome: BundleOutcome | undefined;
}
const notStarted: BundleState = { label: "Starting", percent: null, outcome: undefined };
const phases = { copying: "Copying files", vendoring: "Packing repositories", checking: "Checking" } as const;

function reduceBundle(state: BundleState, event: BundleEvent): BundleState {
	if (event.type === "outcome") return { ...state, outcome: event };
	const percent = event.total === null || event.total === 0 ? null : (event.done / event.total) * 100;
	const label = phases[event.phase];
	return { ...state, label: event.what === null ? label : `${label}: ${event.what}`, percent };
}

export function BundleDialog({ data, onClose }: { data: EvalAnswer; onClose: () => void }) {
	const [options, setOptions] = useState<BundleOptions>(noOptions);
	const start = useMutation({
		mutationFn: () =>
			unwrap(
				writes.evals[":id"].bundle.$post({
					param: { id: data.id },
					json: { ...options, include: words(options.include) },
				}),
			),
	});
	const { state, ended } = useJob<BundleEvent, BundleState>(start.data?.job, reduceBundle, notStarted);
	const isWorking = start.isPending || (start.data !== undefined && !ended);
	const failed = ended && ended.state !== "done";
	return (
		<Dialog
			title={`Bundle ${data.name}`}
			onClose={onClose}
			cancel={state.outcome ? "Close" : "Cancel"}
			action={
				state.outcome ? null : (
					<Button variant="filled" type="submit" form={bundleFormId} loading={isWorking}>
						{failed ? "Try again" : "Create bundle"}
					</Button>
				)
			}
		>
			{start.isError ? <Failure error={start.error} /> : null}
			{failed ? <Failure error={ended.error ?? { message: "Cancelled" }} /> : null}
			{isWorking ? <ProgressLine label={state.label} percent={state.percent} /> : null}
			{state.outcome ? <Bundled outcome={state.outcome} /> : null}
			{isWorking || state.outcome ? null : (
				<BundleForm data={data} options={options} onChange={setOptions} onSubmit={() => start.mutate()} />
			)}
		</Dialog>
	);
}

const noOptions = { capture_env: false, pin: false, vendor_repos: false, include: "" };
type BundleOptions = typeof noOptions;

interface BundleFormProps {
	readonly data: EvalAnswer;
	readonly options: BundleOptions;
	readonly onChange: (options: BundleOptions) => void;
	readonly onSubmit: () => void;
}

function BundleForm({ data, options, onChange, onSubmit }: BundleFormProps) {
	const bind = (key: "capture_env" | "pin" | "vendor_repos") => ({
		checked: options[key],
		onChange: (checked: boolean) => onChange({ ...options, [key]: checked }),
	});
	return (
		<form
			id={bundleFormId}
			onSubmit={(event) => {
				event.preventDefault();
				onSubmit();
			}}
		>
			{data.errors > 0 ? (
				<Note tone="warn" title="This eval has errors">
					<p>Missing files can’t be bundled; fix the errors first.</p>
				</Note>
			) : null}
			<Text c="dimmed" my="sm">
				A self-contained directory: the eval, every file it references, and its targets. Run it anywhere with{" "}
				<code>agentv eval run</code>.
			</Text>
			<Check
				label="Include the current values of variables"
				hint="Values of secrets are never included."
				{...bind("capture_env")}
			/>
			{data.workspace?.repos.length ? (
				<>
					<Check label="Pin repositories" hint="Pin branches and tags to their current commits." {...bind("pin")} />
					<Check
						label="Include repositories"
						hint="The bundle then needs no network for them."
						{...bind("vendor_repos")}
					/>
				</>
			) : null}
			<Field
				label="Additional files"
				hint="Globs relative to the eval, separated by spaces."
				value={options.include}
				onChange={(include) => onChange({ ...options, include })}
			/>
		</form>
	);
}

function Bundled({ outcome }: { outcome: BundleOutcome }) {
	const { bundle, directory, digest, files, size, warnings, required } = outcome;
	const archive = (format: "tgz" | "zip") => ({
		component: "a" as const,
		href: `${apiAddress}/bundles/${encodeURIComponent(bundle)}/archive?format=${format}`,
		download: true,
		leftSection: <Icon name="download" />,
	});
	return (
		<Stack gap="sm">
			<Note tone="good" live title={`Bundled: ${plural(files, "file")}, ${bytes(size)}`} />
			<Facts
				of={{
					Directory: mono(directory),
					Digest: mono(digest),
					"Required variables": mono(required.join(", ")),
				}}
			/>
			{warnings.length > 0 ? (
				<Note tone="warn" title={plural(warnings.length, "warning")}>
					{warnings.map((warning) => (
						<p key={warning}>{warning}</p>
					))}
				</Note>
			) : null}
			<Group gap={8}>
				<Button variant="filled" {...archive("tgz")}>
					Download .tar.gz
				</Button>
				<Button {...archive("zip")}>Download .zip</Button>
			</Group>
			<Text c="dimmed" className="breaks">
				Verify it anywhere: <Code>agentv bundle verify {directory}</Code>
			</Text>
		</Stack>
	);
}

const runPlanQuery = (id: string, targets: string[]) =>
	queryOptions({
		queryKey: ["run-plan", id, targets],
		queryFn: () => unwrap(api.evals[":id"].run.plan.$get({ param: { id }, query: { target: targets } })),
		gcTime: 0,
	});

export function RunDialog({ data, onClose }: { data: EvalAnswer; onClose: () => void }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [options, setOptions] = useState({ tests: "", repeat: "", workers: "", experiment: "" });
	const plan = useQuery(runPlanQuery(data.id, []));
	const hasNew = plan.data?.access.some((access) => access.new) ?? false;
	const run = useMutation({
		mutationFn: async (digest: string) => {
			const tests = words(options.tests);
			const json = {
				digest,
				trust: hasNew || undefined,
				tests: tests.length > 0 ? tests : undefined,
				experiment: options.experiment.trim() || undefined,
				repeat: toNumber(options.repeat),
				workers: toNumber(options.workers),
			};
			const { job } = await unwrap(writes.evals[":id"].run.$post({ param: { id: data.id }, json }));
			return waitForRun(job);
		},
		onSuccess: async (id) => {
			void client.invalidateQueries({ queryKey: ["evals"] });
			void client.invalidateQueries({ queryKey: ["runs"] });
			await navigate({ to: "/runs/$run", params: { run: id } });
		},
	});
	const bind = (key: keyof typeof options) => ({
		value: options[key],
		onChange: (value: string) => setOptions((before) => ({ ...before, [key]: value })),
	});
	return (
		<Dialog
			title={`Run ${data.name}?`}
			onClose={onClose}
			wide
			cancel="Cancel"
			action={
				<Button
					variant="filled"
					disabled={plan.data?.problems.length !== 0}
					loading={run.isPending}
					onClick={() => plan.data && run.mutate(plan.data.digest)}
				>
					{hasNew ? "Trust and run" : data.foreign ? "Run as shown" : "Run"}
				</Button>
			}
		>
			{run.isError ? <Failure error={run.error} retry={() => void plan.refetch().then(() => run.reset())} /> : null}
			<LoadState query={plan} label="Preparing the plan">
				{(shown) => <RunPlan plan={shown} benchmark={data.benchmark} />}
			</LoadState>
			<details style={{ marginTop: 14 }}>
				<summary style={{ marginBottom: 10 }}>Options</summary>
				<Field label="Tests" hint="IDs or patterns with *, separated by spaces (default: all)." {...bind("tests")} />
				<Field label="Experiment" hint="Groups runs that belong together." {...bind("experiment")} />
				<Field label="Repeat" hint="Number of times each test runs." inputMode="numeric" {...bind("repeat")} />
				<Field label="Workers" hint="Maximum number of concurrent tests." inputMode="numeric" {...bind("workers")} />
			</details>
		</Dialog>
	);
}

function words(text: string): string[] {
	return text.split(/[\s,]+/).filter(Boolean);
}

function toNumber(text: string): number | undefined {
	const value = Number(text);
	return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}

/** Resolves to the run's id once it has started. @throws ApiError if the job fails before */
function waitForRun(job: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const stop = followJob<RunJobEvent>(job, (events, ended) => {
			const started = events.find((event) => event.type === "started");
			if (started) {
				stop();
				resolve(started.run);
			} else if (ended) reject(new ApiError(0, ended.error ?? { code: "cancelled", message: "the run was cancelled" }));
		});
	});
}

function RunPlan({ plan, benchmark }: { plan: RunPlanAnswer; benchmark: string | null }) {
	return (
		<Stack gap="sm">
			{plan.problems.map((problem) => (
				<Note key={problem} tone="bad" title="This eval can’t be run">
					<p>{problem}</p>
				</Note>
			))}
			{plan.foreign ? (
				<Note tone="warn" title={`${benchmark ?? "This benchmark"} was synced: its commands were written by others`}>
					<p>They run on this machine with your permissions. Review them before you continue.</p>
				</Note>
			) : null}
			{plan.access.some((access) => access.new) ? (
				<Note tone="warn" title="New access to files, hosts or variables">
					<p>You have not yet consented to the access that is marked as new below.</p>
				</Note>
			) : null}
			<p>
				{plural(plan.tests, "test")}, {plural(plan.targets.filter(({ role }) => role === "target").length, "target")}
			</p>
			<Section title="Targets">
				<TargetList targets={plan.targets} />
			</Section>
			{plan.access.length > 0 ? (
				<Section title="Access to files, hosts and variables">
					<AccessList access={plan.access} />
				</Section>
			) : null}
			{plan.commands.length > 0 ? (
				<Section title="Commands executed on this machine">
					<CommandList commands={plan.commands} />
				</Section>
			) : null}
			{plan.repos.length > 0 ? (
				<Section title="Repositories">
					<Text component="ul" p="8px 14px" className="breaks">
						{plan.repos.map(({ path, repo, commit }) => (
							<li key={path} className="mono">
								{repo}
								{commit ? ` @ ${commit}` : ""} → {path}
							</li>
						))}
					</Text>
				</Section>
			) : null}
		</Stack>
	);
}

const accessVerbs = { variable: "reads", host: "connects to", file: "reads" } as const;

function AccessList({ access }: { access: RunPlanAnswer["access"] }) {
	const sorted = [...access].sort((a, b) => Number(b.new) - Number(a.new));
	return (
		<Text component="ul" p="8px 14px" className="breaks">
			{sorted.map(({ kind, name, new: isNew }) => (
				<li key={`${kind} ${name}`}>
					<span className="dim">{accessVerbs[kind]}</span> <span className="mono">{name}</span>{" "}
					{isNew ? <StatusBadge look={["warn", "warning", "new"]} /> : null}
				</li>
			))}
		</Text>
	);
}
