import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Icon } from "./icon.tsx";
import classes from "./page-header.module.css";

/** One step of the way from the main places to this screen. */
export interface Crumb {
	readonly label: string;
	readonly to: string;
}

interface PageHeaderProps {
	readonly title: string;
	/** The way here; each one leads back. */
	readonly crumbs?: readonly Crumb[];
	/** Stands beside the title: marks. */
	readonly marks?: ReactNode;
	/** Under the title: what this is. */
	readonly about?: ReactNode;
	readonly actions?: ReactNode;
}

/** A screen's head: where it stands, its title, what can be done. Names the browser's tab too. */
export function PageHeader({ title, crumbs = [], marks, about, actions }: PageHeaderProps) {
	useEffect(() => {
		document.title = `${title} · AgentV Studio`;
	}, [title]);
	return (
		<header className={classes.header}>
			{crumbs.length > 0 ? (
				<nav aria-label="Breadcrumb" className={classes.crumbs}>
					{crumbs.map(({ label, to }) => (
						<span key={to} className={classes.crumb}>
							<Link to={to}>{label}</Link>
							<Icon name="chevron" size={11} />
						</span>
					))}
				</nav>
			) : null}
			<div className={classes.line}>
				<div className={classes.words}>
					<div className={classes.heading}>
						<h1 className={classes.title}>{title}</h1>
						{marks}
					</div>
					{about ? <div className={classes.about}>{about}</div> : null}
				</div>
				{actions ? <div className={classes.actions}>{actions}</div> : null}
			</div>
		</header>
	);
}
