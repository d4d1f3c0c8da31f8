import { Alert, Button, Center, Loader, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../lib/api.ts";

/** What a screen shows for a query: a loader, what failed and what to do, or its data. Never a blank page. */
export function LoadState<Data>({
	query,
	children,
}: {
	query: UseQueryResult<Data>;
	children: (data: Data) => ReactNode;
}) {
	if (query.data !== undefined) return <>{children(query.data)}</>;
	if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
	return (
		<Center mih={200} role="status" aria-label="Loading">
			<Loader size="sm" />
		</Center>
	);
}

/** An error in the server's own words, with its hint and a way to try again. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
	const hint = error instanceof ApiError ? error.hint : undefined;
	return (
		<Alert color="red" title={error.message} role="alert" mt="md">
			<Stack gap="xs" align="flex-start">
				{hint ? <Text size="sm">{hint}</Text> : null}
				{retry ? (
					<Button size="xs" variant="default" onClick={retry}>
						Try again
					</Button>
				) : null}
			</Stack>
		</Alert>
	);
}
