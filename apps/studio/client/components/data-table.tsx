// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by themselves, which the browser's table layout does not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: this is a table to read, not a grid of cells to step through
import { useMediaQuery } from "@mantine/hooks";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import classes from "./data-table.module.css";
import { Icon } from "./icon.tsx";

export interface Column<Row> {
	/** Unique; sent as `sort` where the column sorts. */
	readonly key: string;
	readonly title: string;
	/** A track of CSS grid: `minmax(0, 1fr)`, `90px`. */
	readonly width: string;
	readonly align?: "end";
	readonly sorts?: boolean;
	/** On narrow screens a row has two lines: `first`, `second`, or left out. */
	readonly narrow: "first" | "second" | "none";
	readonly cell: (row: Row) => ReactNode;
}

export interface Sorting {
	readonly key: string;
	readonly descending: boolean;
}

interface DataTableProps<Row> {
	readonly label: string;
	readonly columns: readonly Column<Row>[];
	readonly total: number;
	readonly at: (index: number) => Row | undefined;
	/** Told which rows are in sight. */
	readonly show?: ((first: number, last: number) => void) | undefined;
	readonly sorting?: Sorting;
	readonly onSort?: (sorting: Sorting) => void;
	/** Shown instead of rows where there are none. */
	readonly empty: ReactNode;
}

const wideRow = 38;
const narrowRow = 62;

/** A table of any length: only the rows in sight are in the page. The first column's link covers its whole row. */
export function DataTable<Row>(props: DataTableProps<Row>) {
	const { label, columns, total, at, show, empty } = props;
	const isNarrow = useMediaQuery("(max-width: 719px)", undefined, { getInitialValueInEffect: false }) ?? false;
	const place = useRef<HTMLDivElement>(null);
	const [offset, setOffset] = useState(0);
	useLayoutEffect(() => {
		const top = place.current?.getBoundingClientRect().top ?? 0;
		setOffset(top + window.scrollY);
	}, []);
	const height = isNarrow ? narrowRow : wideRow;
	const virtual = useWindowVirtualizer({
		count: total,
		estimateSize: () => height,
		overscan: 12,
		scrollMargin: offset,
		useFlushSync: false,
	});
	// biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are measured anew
	useEffect(() => virtual.measure(), [virtual, height]);
	const rows = virtual.getVirtualItems();
	const [first, last] = [rows[0]?.index, rows.at(-1)?.index];
	useEffect(() => {
		if (first !== undefined && last !== undefined) show?.(first, last);
	});
	const tracks = { "--tracks": columns.map(({ width }) => width).join(" ") } as React.CSSProperties;
	return (
		<div
			role="table"
			aria-label={label}
			aria-rowcount={total + 1}
			className={classes.table}
			data-narrow={isNarrow || undefined}
			style={tracks}
		>
			<Head {...props} />
			<div role="rowgroup" ref={place} className={classes.rows} style={{ height: virtual.getTotalSize() }}>
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
								<div role="cell" className={classes.waiting} aria-label="Loading" />
							) : (
								<Cells row={row} columns={columns} isNarrow={isNarrow} />
							)}
						</div>
					);
				})}
			</div>
			{total === 0 ? empty : null}
		</div>
	);
}

interface CellsProps<Row> {
	readonly row: Row;
	readonly columns: readonly Column<Row>[];
	readonly isNarrow: boolean;
}

/** The cells of a row: all in a line, or on narrow screens one above the others. */
function Cells<Row>({ row, columns, isNarrow }: CellsProps<Row>) {
	const draw = (shown: readonly Column<Row>[]) =>
		shown.map(({ key, align, cell }) => (
			<div role="cell" key={key} className={classes.cell} data-align={align}>
				{cell(row)}
			</div>
		));
	if (!isNarrow) return draw(columns);
	return (
		<>
			{draw(columns.filter(({ narrow }) => narrow === "first"))}
			<div role="presentation" className={classes.second}>
				{draw(columns.filter(({ narrow }) => narrow === "second"))}
			</div>
		</>
	);
}

function Head<Row>({ columns, sorting, onSort }: DataTableProps<Row>) {
	return (
		<div role="rowgroup" className={classes.headGroup}>
			<div role="row" className={classes.head} aria-rowindex={1}>
				{columns.map(({ key, title, align, sorts }) => {
					const isSorted = sorting?.key === key;
					const way = isSorted ? (sorting.descending ? "descending" : "ascending") : undefined;
					return (
						<div role="columnheader" key={key} className={classes.title} data-align={align} aria-sort={way}>
							{sorts && onSort ? (
								<button
									type="button"
									onClick={() => onSort({ key, descending: isSorted ? !sorting.descending : false })}
								>
									{title}
									<Icon name={isSorted ? (sorting.descending ? "sortDown" : "sortUp") : "sort"} size={11} />
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
