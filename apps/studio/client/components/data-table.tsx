// biome-ignore-all lint/a11y/useSemanticElements: rows are positioned absolutely, which table layout does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: a table to read, not a grid of cells to step through
import { Paper, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { type QueryFunction, useQueries } from "@tanstack/react-query";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, memo, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Page } from "../../server/request.ts";
import classes from "./data-table.module.css";
import { Failure, Loading } from "./page.tsx";
import { Icon } from "./status.tsx";

export interface Column<Row> {
	/** Unique; the value of `sort`. */
	readonly key: string;
	readonly title: string;
	/** A CSS grid track: `minmax(0, 1fr)`, `90px`. */
	readonly width: string;
	readonly align?: "end";
	/** On narrow screens, where a row has two lines; omitted by default. */
	readonly narrow?: "first" | "second";
	readonly cell: (row: Row) => ReactNode;
}

interface Sorting {
	readonly key: string;
	readonly descending: boolean;
}

interface DataTableProps<Row> {
	readonly label: string;
	readonly columns: readonly Column<Row>[];
	readonly total: number;
	/** Returns undefined while the row is loading. */
	readonly at: (index: number) => Row | undefined;
	readonly onVisible?: ((first: number, last: number) => void) | undefined;
	readonly sorting?: Sorting;
	readonly onSort?: (sorting: Sorting) => void;
	readonly empty: ReactNode;
}

const wideRow = 38;
const narrowRow = 62;

/** Renders only the visible rows. The link of the first column covers its row. */
export function DataTable<Row>(props: DataTableProps<Row>) {
	const { label, columns, total, at, onVisible, empty } = props;
	const isNarrow = useMediaQuery("(max-width: 719px)", undefined, { getInitialValueInEffect: false }) ?? false;
	const body = useRef<HTMLDivElement>(null);
	const [offset, setOffset] = useState(0);
	useLayoutEffect(() => setOffset((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY), []);
	const height = isNarrow ? narrowRow : wideRow;
	const virtual = useWindowVirtualizer({
		count: total,
		estimateSize: () => height,
		overscan: 12,
		scrollMargin: offset,
		useFlushSync: false,
	});
	// biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height must be measured again
	useEffect(() => virtual.measure(), [virtual, height]);
	const rows = virtual.getVirtualItems();
	const [first, last] = [rows[0]?.index, rows.at(-1)?.index];
	useEffect(() => {
		if (first !== undefined && last !== undefined) onVisible?.(first, last);
	});
	return (
		<Paper
			role="table"
			aria-label={label}
			aria-rowcount={total + 1}
			className={classes.table}
			data-narrow={isNarrow || undefined}
			style={{ "--tracks": columns.map(({ width }) => width).join(" ") } as CSSProperties}
		>
			<Head {...props} />
			<div role="rowgroup" ref={body} className={classes.rows} style={{ height: virtual.getTotalSize() }}>
				{rows.map((item) => {
					const row = at(item.index);
					return (
						<div
							key={item.key}
							role="row"
							aria-rowindex={item.index + 2}
							className={classes.row}
							style={{ height, transform: `translateY(${item.start - offset}px)` }}
						>
							{row === undefined ? (
								<Skeleton role="cell" aria-label="Loading" height={10} maw={220} />
							) : (
								<Cells row={row} columns={columns} isNarrow={isNarrow} />
							)}
						</div>
					);
				})}
			</div>
			{total === 0 ? empty : null}
		</Paper>
	);
}

interface CellsProps<Row> {
	readonly row: Row;
	readonly columns: readonly Column<Row>[];
	readonly isNarrow: boolean;
}

/** Memoized, so that scrolling renders only rows that appear. */
const Cells = memo(function Cells<Row>({ row, columns, isNarrow }: CellsProps<Row>) {
	const render = (shown: readonly Column<Row>[]) =>
		shown.map(({ key, align, cell }) => (
			<div role="cell" key={key} className={classes.cell} data-align={align}>
				{cell(row)}
			</div>
		));
	if (!isNarrow) return render(columns);
	return (
		<>
			{render(columns.filter(({ narrow }) => narrow === "first"))}
			<div role="presentation" className={classes.second}>
				{render(columns.filter(({ narrow }) => narrow === "second"))}
			</div>
		</>
	);
}) as <Row>(props: CellsProps<Row>) => ReactNode;

function Head<Row>({ columns, sorting, onSort }: DataTableProps<Row>) {
	return (
		<div role="rowgroup" className={classes.headGroup}>
			<div role="row" className={classes.head} aria-rowindex={1}>
				{columns.map(({ key, title, align }) => {
					const direction = sorting?.key !== key ? undefined : sorting.descending ? "descending" : "ascending";
					const icon = direction === undefined ? "sort" : direction === "descending" ? "sortDown" : "sortUp";
					return (
						<div role="columnheader" key={key} className={classes.title} data-align={align} aria-sort={direction}>
							{onSort ? (
								<button type="button" onClick={() => onSort({ key, descending: direction === "ascending" })}>
									{title}
									<Icon name={icon} size={11} />
								</button>
							) : (
								title
							)}
						</div>
					);
				})}
			</div>
		</div>
	);
}

interface PageQuery<Response> {
	readonly queryKey: readonly unknown[];
	// biome-ignore lint/suspicious/noExplicitAny: the type of each query's key is its own and does not matter here
	readonly queryFn?: QueryFunction<Response, any>;
}

type RowOf<Response> = Response extends Page<infer Row> ? Row : never;

interface PagedTableProps<Response> {
	readonly query: (page: number) => PageQuery<Response>;
	readonly pageSize: number;
	readonly children: (
		response: Response,
		rows: Pick<DataTableProps<RowOf<Response>>, "total" | "at" | "onVisible">,
	) => ReactNode;
}

/** Fetches only the visible pages. */
export function PagedTable<Response extends Page<unknown>>({ query, pageSize, children }: PagedTableProps<Response>) {
	const [pages, setPages] = useState<readonly number[]>([1]);
	const fetched = [...new Set([1, ...pages])];
	const results = useQueries({ queries: fetched.map((page) => query(page)) });
	const byPage = new Map(fetched.map((page, index) => [page, results[index]?.data as Response | undefined]));
	// The last filter's rows remain while the first page loads, so that the table doesn't jump.
	const last = useRef<Response | undefined>(undefined);
	const response = byPage.get(1) ?? last.current;
	last.current = response;
	const onVisible = (first: number, end: number) => {
		const from = Math.floor(first / pageSize) + 1;
		const to = Math.floor(end / pageSize) + 1;
		const next = Array.from({ length: to - from + 1 }, (_, step) => from + step);
		if (next.join() !== pages.join()) setPages(next);
	};
	if (response === undefined) {
		const error = results[0]?.error;
		return error ? <Failure error={error} retry={() => void results[0]?.refetch()} /> : <Loading />;
	}
	const at = (index: number) =>
		byPage.get(Math.floor(index / pageSize) + 1)?.items[index % pageSize] as RowOf<Response> | undefined;
	return children(response, { total: response.total, at, onVisible });
}
