import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { PageHeader } from "../../components/page-header.tsx";
import { aboutQuery } from "../../lib/queries.ts";
import { EvalsTable } from "./evals-table.tsx";

const route = getRouteApi("/here");

/** The evals of the directory that Studio was started in. */
export function Here() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const about = useQuery(aboutQuery);
	return (
		<>
			<PageHeader
				title="This directory"
				crumbs={[{ label: "Benchmarks", to: "/" }]}
				about={<span className="mono">{about.data?.cwd ?? " "}</span>}
			/>
			<EvalsTable
				benchmark={undefined}
				search={search}
				onSearch={(next, options) => void navigate({ search: next, ...options })}
			/>
		</>
	);
}
