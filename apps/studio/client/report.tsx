import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { createHashHistory, createRootRoute, createRoute, createRouter, Outlet } from "@tanstack/react-router";
import type { ExportedRun } from "../server/export-run.ts";
import type { RunTests } from "../server/routes/runs.ts";
import type { TestResult as Result, TestEntry } from "../server/test-responses.ts";
import { render } from "./app.tsx";
import { Icon } from "./components/status.tsx";
import classes from "./layout.module.css";
import { run } from "./lib/search.ts";
import { Run } from "./screens/run.tsx";
import { TestResult } from "./screens/test-result.tsx";

/** The page answers the requests of its screens from this data. */
const data = JSON.parse(document.getElementById("data")?.textContent ?? "") as ExportedRun;
const attempts = data.tests.flatMap((test) =>
	test.results.map((result, index) => ({ test, result, attempt: test.attempts[index] })),
);

/** The data omits empty fields. */
const empty = {
	input: [],
	output: null,
	output_cut: 0,
	messages: [],
	file_changes: null,
	file_changes_cut: 0,
	judging: null,
	recorded: false,
} satisfies Partial<Result>;

function testResult(id: string): Result | undefined {
	const index = attempts.findIndex(({ attempt }) => attempt?.id === id);
	const { test, attempt, result } = attempts[index] ?? {};
	if (!test || !attempt || !result) return undefined;
	const at = (position: number) => attempts[position]?.attempt?.id ?? null;
	const { eval: label, test_id, target, threshold } = test;
	return {
		...{ ...empty, eval: label, test_id, target, threshold: threshold ?? 0 },
		...{ ...result, ...attempt, test, previous: at(index - 1), next: at(index + 1) },
	};
}

const statuses: readonly TestEntry["status"][] = ["error", "failed", "not_run", "passed"];

/** Missing scores and costs are last. */
const keys: Readonly<Record<string, (test: TestEntry) => string | number>> = {
	test: ({ test_id: id }) => id,
	status: ({ status }) => statuses.indexOf(status),
	score: ({ score }) => score ?? Number.POSITIVE_INFINITY,
	target: ({ target }) => target,
	duration: ({ duration_ms: ms }) => ms,
	cost: ({ cost_usd: usd }) => usd ?? Number.POSITIVE_INFINITY,
};

function selectTests(query: URLSearchParams) {
	const [search, status, target, label, sort] = ["search", "status", "target", "eval", "sort"].map((name) =>
		query.get(name),
	);
	const text = search?.toLowerCase() ?? "";
	const shown = data.tests.filter(
		(test) =>
			(!status || test.status === status) &&
			(!target || test.target === target) &&
			(!label || test.eval === label) &&
			`${test.test_id} ${test.eval} ${test.target} ${test.error?.message}`.toLowerCase().includes(text),
	);
	const turn = query.get("descending") ? -1 : 1;
	const key = keys[sort ?? ""];
	if (!key) return turn === 1 ? shown : shown.reverse();
	return shown.sort((a, b) => (key(a) === key(b) ? 0 : (key(a) < key(b) ? -1 : 1) * turn));
}

const { planned, passed, failed, errors: error } = data.run.summary;
const all = {
	counts: { passed, failed, error, not_run: planned - passed - failed - error },
	targets: [...new Set(data.tests.map(({ target }) => target))],
	evals: [...new Set(data.tests.map((test) => test.eval))],
};
let selected = { query: "", tests: data.tests };

function tests(query: URLSearchParams): RunTests {
	const [page, size] = [Number(query.get("page")), Number(query.get("page_size"))];
	query.delete("page");
	if (selected.query !== query.toString()) selected = { query: query.toString(), tests: selectTests(query) };
	const { tests: shown } = selected;
	const items = shown.slice((page - 1) * size, page * size);
	return { ...all, items, total: shown.length, page, page_size: size, pages: Math.ceil(shown.length / size) };
}

globalThis.fetch = async (address) => {
	const { pathname, searchParams } = new URL(String(address), "http://page");
	const [, , resource, , part, id] = pathname.split("/");
	if (resource === "about") return Response.json({ read_only: true });
	const answer =
		part === undefined ? data.run : id === undefined ? tests(searchParams) : testResult(decodeURIComponent(id));
	return answer ? Response.json(answer) : Response.json({ error: { message: "not found" } }, { status: 404 });
};

function Page() {
	const { setColorScheme } = useMantineColorScheme();
	const isDark = useComputedColorScheme() === "dark";
	return (
		<main id="screen" className={classes.main} tabIndex={-1}>
			<ActionIcon
				variant="default"
				size="md"
				pos="absolute"
				top={8}
				right={12}
				aria-label="Light or dark"
				onClick={() => setColorScheme(isDark ? "light" : "dark")}
			>
				<Icon name="contrast" />
			</ActionIcon>
			<Outlet />
		</main>
	);
}

const root = createRootRoute({ component: Page });
const getParentRoute = () => root;
const runRoute = createRoute({ getParentRoute, path: "/runs/$run", ...run, component: Run });
const testRoute = createRoute({ getParentRoute, path: "/runs/$run/tests/$test", component: TestResult });

if (location.hash.length < 3) location.replace("#/runs/run?sort=status");
render(
	createRouter({
		routeTree: root.addChildren([runRoute, testRoute]),
		history: createHashHistory(),
		scrollRestoration: true,
	}),
);
