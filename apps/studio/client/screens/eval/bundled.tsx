import { Button } from "@mantine/core";
import type { BundleEventAnswer } from "../../../server/answers/bundles.ts";
import { Fact, Facts } from "../../components/facts.tsx";
import { Icon } from "../../components/icon.tsx";
import { Note } from "../../components/note.tsx";
import { apiAddress } from "../../lib/api.ts";
import { bytes, plural } from "../../lib/format.ts";
import classes from "./bundled.module.css";

/** What a bundle job says last. */
export type BundleOutcome = Extract<BundleEventAnswer, { readonly type: "outcome" }>;

/** A finished bundle: where it lies, how to check it, its archive. */
export function Bundled({ outcome }: { outcome: BundleOutcome }) {
	const { bundle, directory, digest, files, size, warnings, required } = outcome;
	const archive = (format: string) => `${apiAddress}/bundles/${encodeURIComponent(bundle)}/archive?format=${format}`;
	return (
		<div className={classes.bundled}>
			<Note tone="good" live title={`Bundled: ${plural(files, "file")}, ${bytes(size)}`} />
			<Facts>
				<Fact term="Directory">
					<span className="mono">{directory}</span>
				</Fact>
				<Fact term="Digest">
					<span className="mono">{digest}</span>
				</Fact>
				{required.length > 0 ? (
					<Fact term="Variables that must be set where it runs">
						<span className="mono">{required.join(", ")}</span>
					</Fact>
				) : null}
			</Facts>
			{warnings.length > 0 ? (
				<Note tone="warn" title={plural(warnings.length, "warning")}>
					{warnings.map((warning) => (
						<p key={warning}>{warning}</p>
					))}
				</Note>
			) : null}
			<div className={classes.downloads}>
				<Button size="xs" component="a" href={archive("tgz")} download leftSection={<Icon name="download" />}>
					Download .tar.gz
				</Button>
				<Button
					size="xs"
					variant="default"
					component="a"
					href={archive("zip")}
					download
					leftSection={<Icon name="download" />}
				>
					Download .zip
				</Button>
			</div>
			<p className={classes.verify}>
				Check it anywhere: <code>agentv bundle verify {directory}</code>
			</p>
		</div>
	);
}
