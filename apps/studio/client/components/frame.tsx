import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { aboutQuery } from "../lib/queries.ts";
import classes from "./frame.module.css";
import { Mark } from "./mark.tsx";

/** The main places, and what lies in each. */
const places = [
	{ to: "/", label: "Benchmarks", holds: /^\/($|benchmarks|evals|here)/ },
	{ to: "/runs", label: "Runs", holds: /^\/(runs|compare)/ },
] as const;

/** The frame around every screen: name, main places, and the screen itself. */
export function Frame() {
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
							AgentV <span className={classes.studio}>Studio</span>
						</span>
					</Link>
					<span className={classes.places}>
						{places.map(({ to, label, holds }) => (
							<Link key={to} to={to} className={classes.place} data-here={holds.test(path) || undefined}>
								{label}
							</Link>
						))}
					</span>
					<span className={classes.about}>
						{about.data?.read_only ? (
							<Mark tone="quiet" icon="eye">
								read-only
							</Mark>
						) : null}
						<span className={classes.version}>{about.data ? `v${about.data.version}` : ""}</span>
					</span>
				</nav>
			</header>
			<main id="screen" className={classes.main} tabIndex={-1}>
				<Outlet />
			</main>
		</>
	);
}
