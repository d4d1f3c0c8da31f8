import { Button, Loader } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../lib/api.ts";
import classes from "./load-state.module.css";
import { Note } from "./note.tsx";

/** What a screen shows for a query: a loader, what failed and what to do, or its data. Never a blank page. */
export function LoadState<Data>({
	query,
	children,
}: {
	query: UseQueryResult<Data>;
	children: (data: Data) => ReactNode;
}) {
	if (query.data !== undefined) {
		return (
			<>
				{query.isError ? <Failure error={query.error} retry={() => void query.refetch()} /> : null}
				{children(query.data)}
			</>
		);
	}
	if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
	return <Loading />;
}

/** Something is on its way; shown only after a moment, so that quick answers do not flicker. */
export function Loading({ label = "Loading" }: { label?: string }) {
	return (
		<div className={classes.loading} role="status">
			<Loader size={18} color="gray" />
			<span>{label}</span>
		</div>
	);
}

/** An error in the server's own words, with its hint and a way to try again. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
	const hint = error instanceof ApiError ? error.hint : undefined;
	return (
		<div className={classes.failure}>
			<Note
				tone="bad"
				live
				title={sentence(error.message)}
				action={
					retry ? (
						<Button size="compact-sm" variant="default" onClick={retry}>
							Try again
						</Button>
					) : undefined
				}
			>
				{hint ? <p>{sentence(hint)}</p> : null}
			</Note>
		</div>
	);
}

/** Begins with a capital, as sentences on a page do. */
function sentence(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
