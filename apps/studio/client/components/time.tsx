import { ago, moment } from "../lib/format.ts";

/** A moment as people say it; in full when pointed at. */
export function Time({ at }: { at: string }) {
	return (
		<time dateTime={at} title={moment(at)}>
			{ago(at)}
		</time>
	);
}
