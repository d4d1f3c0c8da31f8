import { plural } from "../lib/format.ts";
import { Mark, PendingMark } from "./mark.tsx";

/** How an eval was judged: its errors and warnings, or that it is portable. */
export function PortabilityMark({ found }: { found: { errors: number; warnings: number } | undefined }) {
	if (!found) return <PendingMark label="Being validated" />;
	if (found.errors > 0)
		return (
			<Mark tone="bad" icon="cross" title={`${plural(found.errors, "error")}, ${plural(found.warnings, "warning")}`}>
				{plural(found.errors, "error")}
			</Mark>
		);
	if (found.warnings > 0)
		return (
			<Mark tone="warn" icon="warning">
				{plural(found.warnings, "warning")}
			</Mark>
		);
	return (
		<Mark tone="good" icon="check">
			Portable
		</Mark>
	);
}
