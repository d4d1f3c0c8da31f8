import { Button } from "@mantine/core";
import type { ComparisonAnswer } from "../../../server/answers/compare.ts";
import type { IconName } from "../../components/icon.tsx";
import { Mark, type Tone } from "../../components/mark.tsx";
import { count, score, signed } from "../../lib/format.ts";
import classes from "./compare.module.css";

const looks: Readonly<Record<ComparisonAnswer["verdict"], readonly [string, Tone, IconName]>> = {
	better: ["Better", "good", "up"],
	worse: ["Worse", "bad", "down"],
	"no difference shown": ["No difference shown", "quiet", "minus"],
	"nothing to compare": ["Nothing to compare", "warn", "question"],
};

interface VerdictProps {
	readonly comparison: ComparisonAnswer;
	readonly title: string | undefined;
	readonly isShown: boolean;
	readonly onShow: (() => void) | undefined;
}

/** What the comparable tests show, in words and as an interval around zero. */
export function Verdict({ comparison, title, isShown, onShow }: VerdictProps) {
	const { verdict, message, mean, means, interval, tests, moved, renamed } = comparison;
	const [label, tone, icon] = looks[verdict];
	return (
		<section className={classes.verdict} aria-label={title ?? "Verdict"} data-shown={(onShow && isShown) || undefined}>
			<div className={classes.head}>
				{title ? <strong>{title}</strong> : null}
				<Mark tone={tone} icon={icon}>
					{label}
				</Mark>
				{tests > 0 ? (
					<>
						<span className={classes.mean}>{signed(mean)}</span>
						<span className={classes.means}>
							{score(means[0])} → {score(means[1])}
						</span>
					</>
				) : null}
				{onShow ? (
					<Button size="compact-xs" variant="default" disabled={isShown} onClick={onShow}>
						{isShown ? "Shown below" : "Show its tests"}
					</Button>
				) : null}
			</div>
			{interval ? <Interval interval={interval} mean={mean} /> : null}
			{tests > 0 ? (
				<p className={classes.moved}>
					<span className={classes.down}>{count(moved.down)} down</span>,{" "}
					<span className={classes.up}>{count(moved.up)} up</span>, {count(tests - moved.down - moved.up)} unchanged
				</p>
			) : null}
			<p>{message}</p>
			{comparison.at_least ? <p>{comparison.at_least.message}</p> : null}
			{renamed.map(([before, after]) => (
				<p key={`${before} ${after}`}>
					<span className="mono">{after}</span> is compared with <span className="mono">{before}</span>.
				</p>
			))}
		</section>
	);
}

/** The 95 % interval on a line from −1 to 1, or closer where it is small. */
function Interval({ interval: [low, high], mean }: { interval: readonly [number, number]; mean: number }) {
	const reach = Math.min(1, Math.max(0.1, Math.abs(low), Math.abs(high)) * 1.15);
	const at = (value: number) => `${((Math.max(-reach, Math.min(reach, value)) + reach) / (2 * reach)) * 100}%`;
	const label = `Mean difference ${signed(mean)}, 95 % interval from ${signed(low)} to ${signed(high)}`;
	return (
		<div className={classes.interval} role="img" aria-label={label}>
			<div className={classes.scale}>
				<span className={classes.zero} />
				<span className={classes.range} style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
				<span className={classes.point} style={{ left: at(mean) }} />
			</div>
			<div className={classes.ends}>
				<span>{signed(-reach)}</span>
				<span>0</span>
				<span>{signed(reach)}</span>
			</div>
		</div>
	);
}
