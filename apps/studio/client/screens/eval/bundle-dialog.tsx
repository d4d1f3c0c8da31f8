import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { BundleEventAnswer } from "../../../server/answers/bundles.ts";
import type { EvalAnswer } from "../../../server/answers/evals.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Check, Field } from "../../components/field.tsx";
import { Failure } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { ProgressLine } from "../../components/progress-line.tsx";
import { startBundle } from "../../lib/actions.ts";
import { useJob } from "../../lib/use-job.ts";
import { Bundled, type BundleOutcome } from "./bundled.tsx";

const form = "bundle-options";

interface BundleState {
	readonly label: string;
	readonly percent: number | null;
	readonly outcome: BundleOutcome | undefined;
}
const nothing: BundleState = { label: "Starting", percent: null, outcome: undefined };
const phases = { copying: "Copying files", vendoring: "Packing repositories", checking: "Checking" } as const;

function follow(state: BundleState, event: BundleEventAnswer): BundleState {
	if (event.type === "outcome") return { ...state, outcome: event };
	const percent = event.total === null || event.total === 0 ? null : (event.done / event.total) * 100;
	return {
		...state,
		label: event.what === null ? phases[event.phase] : `${phases[event.phase]}: ${event.what}`,
		percent,
	};
}

/** The options of a bundle, its progress, and where it lies. */
export default function BundleDialog({ data, onClose }: { data: EvalAnswer; onClose: () => void }) {
	const [options, setOptions] = useState({ captureEnv: false, pin: false, vendorRepos: false, include: "" });
	const start = useMutation({
		mutationFn: () =>
			startBundle(data.id, {
				...(options.captureEnv ? { capture_env: true } : {}),
				...(options.pin ? { pin: true } : {}),
				...(options.vendorRepos ? { vendor_repos: true } : {}),
				...(options.include.trim() === "" ? {} : { include: options.include.split(/[\s,]+/).filter(Boolean) }),
			}),
	});
	const { state, ended } = useJob<BundleEventAnswer, BundleState>(start.data?.job, follow, nothing);
	const isWorking = start.isPending || (start.data !== undefined && !ended);
	const failed = ended && ended.state !== "done";
	return (
		<Dialog
			title={`Bundle ${data.name}`}
			onClose={onClose}
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						{state.outcome ? "Close" : "Cancel"}
					</Button>
					{state.outcome ? null : (
						<Button size="xs" type="submit" form={form} loading={isWorking}>
							{failed ? "Try again" : "Make bundle"}
						</Button>
					)}
				</>
			}
		>
			{start.isError ? <Failure error={start.error} /> : null}
			{failed ? (
				<Note tone="bad" live title={ended.error?.message ?? "The bundle was cancelled"}>
					{ended.error?.hint ? <p>{ended.error.hint}</p> : null}
				</Note>
			) : null}
			{isWorking ? <ProgressLine label={state.label} percent={state.percent} /> : null}
			{state.outcome ? <Bundled outcome={state.outcome} /> : null}
			{isWorking || state.outcome ? null : (
				<Options data={data} options={options} onChange={setOptions} onSubmit={() => start.mutate()} />
			)}
		</Dialog>
	);
}

interface BundleOptions {
	readonly captureEnv: boolean;
	readonly pin: boolean;
	readonly vendorRepos: boolean;
	readonly include: string;
}

function Options(props: {
	data: EvalAnswer;
	options: BundleOptions;
	onChange: (options: BundleOptions) => void;
	onSubmit: () => void;
}) {
	const { data, options, onChange, onSubmit } = props;
	const hasRepos = (data.workspace?.repos.length ?? 0) > 0;
	return (
		<form
			id={form}
			onSubmit={(event) => {
				event.preventDefault();
				onSubmit();
			}}
		>
			{data.errors > 0 ? (
				<Note tone="warn" title="This eval has errors">
					<p>What is missing cannot be bundled: mend the errors first, or see what the bundle says.</p>
				</Note>
			) : null}
			<p className="dim" style={{ marginTop: data.errors > 0 ? 12 : 0 }}>
				A directory that needs nothing else: the eval, every file it names, its targets. It runs anywhere by{" "}
				<code>agentv eval run</code>.
			</p>
			<Check
				label="Write today’s values of variables into it"
				hint="Never those of secrets."
				checked={options.captureEnv}
				onChange={(captureEnv) => onChange({ ...options, captureEnv })}
			/>
			{hasRepos ? (
				<>
					<Check
						label="Pin repositories"
						hint="Branches and tags become the commits that they are today."
						checked={options.pin}
						onChange={(pin) => onChange({ ...options, pin })}
					/>
					<Check
						label="Take repositories along"
						hint="The bundle then needs no network for them."
						checked={options.vendorRepos}
						onChange={(vendorRepos) => onChange({ ...options, vendorRepos })}
					/>
				</>
			) : null}
			<Field
				label="More files"
				hint="Globs of files that no reference shows, relative to the eval; blanks between them."
				value={options.include}
				onChange={(include) => onChange({ ...options, include })}
				mono
			/>
		</form>
	);
}
