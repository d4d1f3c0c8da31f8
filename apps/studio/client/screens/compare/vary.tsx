import { getRouteApi } from "@tanstack/react-router";
import { Check } from "../../components/field.tsx";
import classes from "./compare.module.css";

const route = getRouteApi("/compare");

/** Parts of tests that may be meant to differ, in words. */
export const varied = [
	["target", "the target"],
	["graders", "the graders"],
	["workspace", "the workspace"],
	["hooks", "the hooks"],
] as const;

/** What is meant to differ, and so does not make tests incomparable. */
export function Vary() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const chosen = new Set(search.vary.split(",").filter((part) => part !== ""));
	const toggle = (part: string, on: boolean) => {
		const next = varied.map(([key]) => key).filter((key) => (key === part ? on : chosen.has(key)));
		void navigate({ search: { ...search, vary: next.join(","), page: 1 }, resetScroll: false });
	};
	return (
		<fieldset className={classes.vary}>
			<legend>Compare although these differ</legend>
			{varied.map(([part, label]) => (
				<Check key={part} label={label} checked={chosen.has(part)} onChange={(on) => toggle(part, on)} />
			))}
		</fieldset>
	);
}
