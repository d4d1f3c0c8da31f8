import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { BenchmarkAnswer } from "../../server/answers/benchmarks.ts";
import { removeBenchmark } from "../lib/actions.ts";
import { Dialog } from "./dialog.tsx";
import { Failure } from "./load-state.tsx";

/** Asks before an entry leaves the registry. Its directory stays. */
export default function RemoveDialog({ benchmark, onClose }: { benchmark: BenchmarkAnswer; onClose: () => void }) {
	const client = useQueryClient();
	const navigate = useNavigate();
	const remove = useMutation({
		mutationFn: () => removeBenchmark(benchmark.id),
		onSuccess: async () => {
			onClose();
			await navigate({ to: "/" });
			await client.invalidateQueries({ queryKey: ["benchmarks"] });
		},
	});
	return (
		<Dialog
			title={`Remove ${benchmark.id}?`}
			onClose={onClose}
			actions={
				<>
					<Button size="xs" variant="default" onClick={onClose}>
						Cancel
					</Button>
					<Button size="xs" color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
						Remove from registry
					</Button>
				</>
			}
		>
			<p style={{ marginTop: 0 }}>
				The entry leaves <span className="mono">benchmarks.yaml</span>. The directory stays where it is:
			</p>
			<p className="mono breaks">{benchmark.path}</p>
			{remove.isError ? <Failure error={remove.error} /> : null}
		</Dialog>
	);
}
