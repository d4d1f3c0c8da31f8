import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { EvalAnswer } from "../../../server/answers/evals.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Field } from "../../components/field.tsx";
import { Failure, Loading } from "../../components/load-state.tsx";
import { startRun } from "../../lib/actions.ts";
import { runPlanQuery } from "../../lib/queries.ts";
import { startedRun } from "../../lib/run-job.ts";
import { RunPlan } from "./run-plan.tsx";

/** Shows what a run will execute, and runs it once that is confirmed. */
export default function RunDialog({ data, onClose }: { data: EvalAnswer; onClose: () => void }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const [options, setOptions] = useState({ test: "", repeat: "", workers: "", experiment: "" });
	const set = (key: keyof typeof options) => (value: string) => setOptions((before) => ({ ...before, [key]: value }));
	const plan = useQuery(runPlanQuery(data.id, []));
	const run = useMutation({
		mutationFn: async (digest: string) => {
			const { job } = await startRun(data.id, {
				digest,
				...(isNew ? { trust: true } : {}),
				...(options.test.trim() === "" ? {} : { tests: options.test.split(/[\s,]+/).filter(Boolean) }),
				...(options.experiment.trim() === "" ? {} : { experiment: options.experiment.trim() }),
				...numberOf("repeat", options.repeat),
				...numberOf("workers", options.workers),
			});
			return startedRun(job);
		},
		onSuccess: async (runId) => {
			void client.invalidateQueries({ queryKey: ["evals"] });
			void client.invalidateQueries({ queryKey: ["runs"] });
			await navigate({ to: "/runs/$run", params: { run: runId } });
		},
	});
	const isNew = plan.data?.access.some((one) => one.new) ?? false;
	const isFine = plan.data && plan.data.problems.length === 0;
	return (
		<Dialog
			title={`Run ${data.name}?`}
			onClose={onClose}
			wide
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						Cancel
					</Button>
					<Button
						size="xs"
						disabled={!isFine}
						loading={run.isPending}
						onClick={() => plan.data && run.mutate(plan.data.digest)}
					>
						{isNew ? "Trust and run" : data.foreign ? "Run what is shown" : "Run"}
					</Button>
				</>
			}
		>
			{run.isError ? <Failure error={run.error} retry={() => void plan.refetch().then(() => run.reset())} /> : null}
			{plan.isPending ? <Loading label="Looking at what would run" /> : null}
			{plan.isError ? <Failure error={plan.error} retry={() => void plan.refetch()} /> : null}
			{plan.data ? <RunPlan plan={plan.data} benchmark={data.benchmark} /> : null}
			<details style={{ marginTop: 14 }}>
				<summary style={{ cursor: "pointer", marginBottom: 10 }}>Options</summary>
				<Field
					label="Only tests"
					hint="Ids, or patterns with *; blanks between them."
					value={options.test}
					onChange={set("test")}
					mono
				/>
				<Field
					label="Experiment"
					hint="Groups runs that belong together."
					value={options.experiment}
					onChange={set("experiment")}
					mono
				/>
				<Field
					label="Repeat"
					hint="How many times each test runs."
					value={options.repeat}
					onChange={set("repeat")}
					inputMode="numeric"
				/>
				<Field
					label="Workers"
					hint="How many tests run at once."
					value={options.workers}
					onChange={set("workers")}
					inputMode="numeric"
				/>
			</details>
		</Dialog>
	);
}

function numberOf(key: "repeat" | "workers", text: string): { repeat?: number; workers?: number } {
	const value = Number(text);
	return text.trim() === "" || !Number.isFinite(value) ? {} : { [key]: value };
}
