import { Button } from "@mantine/core";
import classes from "./pager.module.css";

/** Steps through the pages of a list; nothing where one page holds all. */
export function Pager({ page, pages, onPage }: { page: number; pages: number; onPage: (page: number) => void }) {
	if (pages <= 1) return null;
	return (
		<nav className={classes.pager} aria-label="Pages">
			<Button size="compact-sm" variant="default" disabled={page <= 1} onClick={() => onPage(page - 1)}>
				Previous
			</Button>
			<span>
				Page {page} of {pages}
			</span>
			<Button size="compact-sm" variant="default" disabled={page >= pages} onClick={() => onPage(page + 1)}>
				Next
			</Button>
		</nav>
	);
}
