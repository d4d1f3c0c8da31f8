import { Link } from "@tanstack/react-router";
import type { ComparisonAnswer } from "../../../server/answers/compare.ts";
import type { Column } from "../../components/data-table.tsx";
import { score, signed } from "../../lib/format.ts";
import type { CompareSearch } from "../../lib/screen-search.ts";
import classes from "./compare.module.css";

type Case = ComparisonAnswer["cases"]["items"][number];

const none = <span className="dim">–</span>;

/** Where the table has no headings, it says which score it is. */
function Score({ label, value }: { label: string; value: number | null }) {
	return (
		<>
			<span className={classes.narrowLabel}>{label} </span>
			{value === null ? none : score(value)}
		</>
	);
}

/** What is shown of a compared test; its link opens both answers. */
export function caseColumns(search: CompareSearch): readonly Column<Case>[] {
	return [
		{
			key: "test",
			title: "Test",
			sorts: true,
			width: "minmax(0, 1fr)",
			narrow: "first",
			cell: ({ test_id: test, target, rows, parts: differing }) => (
				<Link
					to="/compare"
					search={{ ...search, test: rows.flat()[0] ?? "" }}
					resetScroll={false}
					aria-label={`${test}: answers side by side`}
				>
					<span className="mono">{test}</span> <span className="dim">{target}</span>
					{search.part === "changed" ? (
						<span className={classes.differing}>
							{" "}
							{differing.length > 0 ? `${differing.join(", ")} changed` : "has no fingerprint"}
						</span>
					) : null}
				</Link>
			),
		},
		{
			key: "before",
			title: "Before",
			sorts: true,
			width: "80px",
			align: "end",
			narrow: "second",
			cell: ({ scores }) => <Score label="before" value={scores[0]} />,
		},
		{
			key: "after",
			title: "After",
			sorts: true,
			width: "80px",
			align: "end",
			narrow: "second",
			cell: ({ scores }) => <Score label="after" value={scores[1]} />,
		},
		{
			key: "delta",
			title: "Difference",
			sorts: true,
			width: "96px",
			align: "end",
			narrow: "second",
			cell: ({ delta }) => <Delta delta={delta} />,
		},
	];
}

function Delta({ delta }: { delta: number | null }) {
	if (delta === null) return none;
	const tone = Math.abs(delta) < 0.005 ? undefined : delta > 0 ? classes.up : classes.down;
	return <span className={tone}>{signed(delta)}</span>;
}
