import { type QueryFunction, useQueries } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Page } from "../../server/answers/page.ts";

/** A long list of which only the pages in sight are fetched. */
export interface PagedRows<Row> {
	readonly total: number;
	/** The row at that place of the whole list; undefined until its page is there. */
	readonly at: (index: number) => Row | undefined;
	/** Tells which rows are in sight. */
	readonly show: (first: number, last: number) => void;
	/** The first page, with whatever it says beside its items. */
	readonly first: UseFirst;
}

interface UseFirst {
	readonly isPending: boolean;
	readonly isError: boolean;
	readonly error: Error | null;
	readonly refetch: () => unknown;
}

/** A query of one page, as `queryOptions` makes it. */
interface PageQuery<Answer> {
	readonly queryKey: readonly unknown[];
	// biome-ignore lint/suspicious/noExplicitAny: each query's key has a type of its own, which does not matter here
	readonly queryFn?: QueryFunction<Answer, any>;
}

type RowOf<Answer> = Answer extends Page<infer Row> ? Row : never;

/**
 * Rows of a paged route. `query` makes the query of one page; the last total stands until a new filter's first page is there, so
 * that the table does not jump.
 */
export function usePagedRows<Answer extends Page<unknown>>(
	query: (page: number) => PageQuery<Answer>,
	pageSize: number,
): PagedRows<RowOf<Answer>> & { readonly answer: Answer | undefined } {
	const [pages, setPages] = useState<readonly number[]>([1]);
	const wanted = [...new Set([1, ...pages])];
	const results = useQueries({ queries: wanted.map((page) => query(page)) });
	const byPage = new Map(wanted.map((page, index) => [page, results[index]?.data as Answer | undefined]));
	const last = useRef<Answer | undefined>(undefined);
	const answer = byPage.get(1) ?? last.current;
	last.current = answer;
	const show = (first: number, end: number) => {
		const from = Math.floor(first / pageSize) + 1;
		const to = Math.floor(end / pageSize) + 1;
		const next = Array.from({ length: to - from + 1 }, (_, step) => from + step);
		if (next.join() !== pages.join()) setPages(next);
	};
	const first = results[0];
	return {
		total: answer?.total ?? 0,
		at: (index) => byPage.get(Math.floor(index / pageSize) + 1)?.items[index % pageSize] as RowOf<Answer> | undefined,
		show,
		answer,
		first: {
			isPending: first?.isPending ?? true,
			isError: first?.isError ?? false,
			error: first?.error ?? null,
			refetch: () => first?.refetch(),
		},
	};
}
