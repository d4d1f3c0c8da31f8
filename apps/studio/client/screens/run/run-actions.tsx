import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { RunAnswer } from "../../../server/answers/runs.ts";
import { Icon } from "../../components/icon.tsx";
import { cancelJob, resumeRun } from "../../lib/actions.ts";
import { ApiError } from "../../lib/api.ts";
import { useReadOnly } from "../../lib/use-read-only.ts";

/** Whether results of the run are made of something that has changed: running them again is what helps. */
function isOfOtherVersions(error: unknown): boolean {
	return error instanceof ApiError && error.hint?.includes("--rerun-changed") === true;
}

/** Cancel while it runs, resume where it was interrupted, the eval to run it again. */
export function RunActions({ run }: { run: RunAnswer }) {
	const client = useQueryClient();
	const readOnly = useReadOnly();
	const cancel = useMutation({
		mutationFn: cancelJob,
	});
	const resume = useMutation({
		mutationFn: (rerunChanged: boolean) => resumeRun(run.id, rerunChanged),
		onSettled: () => client.invalidateQueries({ queryKey: ["runs"] }),
	});
	const { job, eval_id: evalId } = run;
	const error = cancel.error ?? resume.error;
	return (
		<>
			{error ? (
				<span role="alert" style={{ color: "var(--bad)", alignSelf: "center", fontSize: 13, whiteSpace: "pre-line" }}>
					{error.message}
				</span>
			) : null}
			{job !== null && run.state === "running" && !readOnly ? (
				<Button
					size="xs"
					variant="default"
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
					size="xs"
					leftSection={<Icon name="play" />}
					loading={resume.isPending}
					onClick={() => resume.mutate(false)}
				>
					Resume
				</Button>
			) : null}
			{run.resumable && !readOnly && isOfOtherVersions(resume.error) ? (
				<Button size="xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate(true)}>
					Run changed tests again
				</Button>
			) : null}
			<Button
				size="xs"
				variant="default"
				leftSection={<Icon name="split" />}
				renderRoot={(props) => <Link {...props} to="/runs" search={{ pick: run.id }} />}
			>
				Compare
			</Button>
			{evalId === null ? null : (
				<Button
					size="xs"
					variant="default"
					leftSection={<Icon name="file" />}
					renderRoot={(props) => <Link {...props} to="/evals/$eval" params={{ eval: evalId }} />}
				>
					Eval
				</Button>
			)}
		</>
	);
}
