import { lazy, Suspense, useState } from "react";
import { count } from "../lib/format.ts";
import { TextView } from "./code/text-view.tsx";
import classes from "./rich-text.module.css";

const Markdown = lazy(() => import("./markdown.tsx"));

/** Longer texts are shown as they are: nobody reads them rendered, and rendering them takes its time. */
const mostRendered = 100_000;

/** Text that is often Markdown: rendered safely, raw on demand. */
export function RichText({ text, label }: { text: string; label: string }) {
	const isLong = text.length > mostRendered;
	const [raw, setRaw] = useState(isLong);
	if (text === "") return <p className="dim">Empty</p>;
	return (
		<div className={classes.rich}>
			<div className={classes.switch}>
				{isLong ? (
					<span>{count(text.length)} characters, shown as they are</span>
				) : (
					<button type="button" aria-pressed={raw} aria-label={`Raw text of ${label}`} onClick={() => setRaw(!raw)}>
						Raw
					</button>
				)}
			</div>
			{raw ? (
				<TextView label={label} text={text} />
			) : (
				<Suspense fallback={<TextView label={label} text={text} />}>
					<Markdown text={text} />
				</Suspense>
			)}
		</div>
	);
}
