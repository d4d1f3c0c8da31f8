import {
	createRootRoute,
	createRoute,
	createRouter,
	Link,
	lazyRouteComponent,
	type SearchSchemaInput,
	stripSearchParams,
} from "@tanstack/react-router";
import { Empty } from "./components/empty.tsx";
import { Frame } from "./components/frame.tsx";
import { Failure, Loading } from "./components/load-state.tsx";
import * as at from "./lib/screen-search.ts";

const root = createRootRoute({
	component: Frame,
	notFoundComponent: () => (
		<Empty icon="question" title="Nothing here">
			<p>
				This address leads to no screen of Studio. <Link to="/">Go to the benchmarks</Link>
			</p>
		</Empty>
	),
});
const getParentRoute = () => root;

/** What a link may say: every key may be left out. */
type Given<Search> = { [Key in keyof Search]?: Search[Key] } & SearchSchemaInput;

// One route a screen; each screen is loaded when it is first opened.
const benchmarks = createRoute({
	getParentRoute,
	path: "/",
	validateSearch: (raw: Given<at.ListSearch>) => at.readList(raw),
	search: { middlewares: [stripSearchParams(at.listUsual)] },
	component: lazyRouteComponent(() => import("./screens/benchmarks/benchmarks.tsx"), "Benchmarks"),
});

const benchmark = createRoute({
	getParentRoute,
	path: "/benchmarks/$benchmark",
	validateSearch: (raw: Given<at.EvalsSearch>) => at.readEvals(raw),
	search: { middlewares: [stripSearchParams(at.evalsUsual)] },
	component: lazyRouteComponent(() => import("./screens/benchmark/benchmark.tsx"), "Benchmark"),
});

const here = createRoute({
	getParentRoute,
	path: "/here",
	validateSearch: (raw: Given<at.EvalsSearch>) => at.readEvals(raw),
	search: { middlewares: [stripSearchParams(at.evalsUsual)] },
	component: lazyRouteComponent(() => import("./screens/benchmark/here.tsx"), "Here"),
});

const evalScreen = createRoute({
	getParentRoute,
	path: "/evals/$eval",
	validateSearch: (raw: Given<at.EvalSearch>) => at.readEval(raw),
	search: { middlewares: [stripSearchParams(at.evalUsual)] },
	component: lazyRouteComponent(() => import("./screens/eval/eval.tsx"), "Eval"),
});

const runs = createRoute({
	getParentRoute,
	path: "/runs",
	validateSearch: (raw: Given<at.RunsSearch>) => at.readRuns(raw),
	search: { middlewares: [stripSearchParams(at.runsUsual)] },
	component: lazyRouteComponent(() => import("./screens/runs/runs.tsx"), "Runs"),
});

const run = createRoute({
	getParentRoute,
	path: "/runs/$run",
	validateSearch: (raw: Given<at.RunSearch>) => at.readRun(raw),
	search: { middlewares: [stripSearchParams(at.runUsual)] },
	component: lazyRouteComponent(() => import("./screens/run/run.tsx"), "Run"),
});

const compare = createRoute({
	getParentRoute,
	path: "/compare",
	validateSearch: (raw: Given<at.CompareSearch>) => at.readCompare(raw),
	search: { middlewares: [stripSearchParams(at.compareUsual)] },
	component: lazyRouteComponent(() => import("./screens/compare/compare.tsx"), "Compare"),
});

const testResult = createRoute({
	getParentRoute,
	path: "/runs/$run/tests/$test",
	component: lazyRouteComponent(() => import("./screens/test-result/test-result.tsx"), "TestResult"),
});

export const router = createRouter({
	routeTree: root.addChildren([benchmarks, benchmark, here, evalScreen, runs, run, testResult, compare]),
	defaultPreload: "intent",
	scrollRestoration: true,
	defaultPendingComponent: () => <Loading />,
	defaultErrorComponent: ({ error }) => (
		<Failure error={error instanceof Error ? error : new Error(String(error))} retry={() => location.reload()} />
	),
});

declare module "@tanstack/react-router" {
	interface Register {
		router: typeof router;
	}
}
