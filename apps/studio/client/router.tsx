import { Text, Title } from "@mantine/core";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Frame } from "./components/frame.tsx";
import { Failure } from "./components/load-state.tsx";

const root = createRootRoute({
	component: Frame,
	errorComponent: ({ error }) => <Failure error={error instanceof Error ? error : new Error(String(error))} />,
	notFoundComponent: () => (
		<>
			<Title order={1} size="h3">
				Nothing here
			</Title>
			<Text>This address leads to no screen of Studio.</Text>
		</>
	),
});

// One line a screen; each is loaded when it is first opened.
const benchmarks = createRoute({
	getParentRoute: () => root,
	path: "/",
	component: lazyRouteComponent(() => import("./screens/benchmarks.tsx"), "Benchmarks"),
});

export const router = createRouter({ routeTree: root.addChildren([benchmarks]), defaultPreload: "intent" });

declare module "@tanstack/react-router" {
	interface Register {
		router: typeof router;
	}
}
