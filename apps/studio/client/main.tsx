import { Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import {
	createRootRoute,
	createRoute,
	createRouter,
	Link,
	lazyRouteComponent,
	Outlet,
	useRouterState,
} from "@tanstack/react-router";
import { render } from "./app.tsx";
import { Empty, Failure, Loading } from "./components/page.tsx";
import { StatusBadge } from "./components/status.tsx";
import classes from "./layout.module.css";
import { aboutQuery } from "./lib/api.ts";
import * as at from "./lib/search.ts";

const root = createRootRoute({
	component: Layout,
	notFoundComponent: () => (
		<Empty icon="question" title="Page not found">
			<Link to="/">Go to the benchmarks</Link>
		</Empty>
	),
});
const getParentRoute = () => root;

const sections = [
	{ to: "/", label: "Benchmarks", contains: /^\/($|benchmarks|evals|here)/ },
	{ to: "/runs", label: "Runs", contains: /^\/(runs|compare)/ },
] as const;

function Layout() {
	const about = useQuery(aboutQuery);
	const path = useRouterState({ select: (state) => state.location.pathname });
	return (
		<>
			<a className={classes.skip} href="#screen">
				Skip to content
			</a>
			<header className={classes.header}>
				<nav className={classes.bar} aria-label="Main">
					<Link to="/" className={classes.name} aria-label="AgentV Studio, home">
						<img src="/favicon.svg" alt="" width={20} height={20} />
						<span>
							AgentV <span className={classes.wide}>Studio</span>
						</span>
					</Link>
					<Group gap={4} align="stretch" style={{ alignSelf: "stretch" }}>
						{sections.map(({ to, label, contains }) => (
							<Link key={to} to={to} className={classes.section} data-current={contains.test(path) || undefined}>
								{label}
							</Link>
						))}
					</Group>
					<Group gap="xs" ml="auto" wrap="nowrap" fz="xs">
						{about.data?.read_only ? <StatusBadge look={["quiet", "eye", "read-only"]} /> : null}
						<span className={classes.wide}>{about.data ? `v${about.data.version}` : ""}</span>
					</Group>
				</nav>
			</header>
			<main id="screen" className={classes.main} tabIndex={-1}>
				<Outlet />
			</main>
		</>
	);
}

// Each screen is loaded when it is first opened.
const benchmarks = createRoute({
	getParentRoute,
	path: "/",
	...at.list,
	component: lazyRouteComponent(() => import("./screens/benchmarks.tsx"), "Benchmarks"),
});

const benchmark = createRoute({
	getParentRoute,
	path: "/benchmarks/$benchmark",
	...at.evals,
	component: lazyRouteComponent(() => import("./screens/benchmark.tsx"), "Benchmark"),
});

const here = createRoute({
	getParentRoute,
	path: "/here",
	...at.evals,
	component: lazyRouteComponent(() => import("./screens/benchmark.tsx"), "Here"),
});

const evalScreen = createRoute({
	getParentRoute,
	path: "/evals/$eval",
	...at.evalScreen,
	component: lazyRouteComponent(() => import("./screens/eval.tsx"), "Eval"),
});

const runs = createRoute({
	getParentRoute,
	path: "/runs",
	...at.runs,
	component: lazyRouteComponent(() => import("./screens/runs.tsx"), "Runs"),
});

const run = createRoute({
	getParentRoute,
	path: "/runs/$run",
	...at.run,
	component: lazyRouteComponent(() => import("./screens/run.tsx"), "Run"),
});

const compare = createRoute({
	getParentRoute,
	path: "/compare",
	...at.compare,
	component: lazyRouteComponent(() => import("./screens/compare.tsx"), "Compare"),
});

const testResult = createRoute({
	getParentRoute,
	path: "/runs/$run/tests/$test",
	component: lazyRouteComponent(() => import("./screens/test-result.tsx"), "TestResult"),
});

const router = createRouter({
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

render(router);
