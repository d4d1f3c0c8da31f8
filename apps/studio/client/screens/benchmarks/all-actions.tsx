import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { BenchmarkAnswer } from "../../../server/answers/benchmarks.ts";
import { Icon } from "../../components/icon.tsx";
import { startAll } from "../../lib/sync-activity.ts";

/** What can be done with every git-backed benchmark at once. */
export function AllActions({ items }: { items: readonly BenchmarkAnswer[] }) {
	const client = useQueryClient();
	const ids = items.filter(({ source }) => source !== null).map(({ id }) => id);
	const check = useMutation({
		mutationFn: () => startAll(client, "status", ids),
	});
	const sync = useMutation({ mutationFn: () => startAll(client, "sync", ids) });
	const error = sync.error ?? check.error;
	return (
		<>
			<Button
				size="xs"
				variant="default"
				leftSection={<Icon name="remote" />}
				loading={check.isPending}
				onClick={() => check.mutate()}
			>
				Check status
			</Button>
			<Button
				size="xs"
				variant="default"
				leftSection={<Icon name="sync" />}
				loading={sync.isPending}
				onClick={() => sync.mutate()}
			>
				Sync all
			</Button>
			{error ? (
				<span role="alert" style={{ color: "var(--bad)", alignSelf: "center" }}>
					{error.message}
				</span>
			) : null}
		</>
	);
}
