import { Alert, Group, Progress, Skeleton, Text, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";
import type { RunEntry } from "../../server/run-responses.ts";
import type { TestEntry } from "../../server/test-responses.ts";
import { ago, moment, percent, plural } from "../lib/format.ts";

/** On a 16 × 16 grid, in the color of the text. */
const outlines = {
	add: "M8 3v10M3 8h10",
	back: "M10 3 5 8l5 5",
	branch:
		"M5 4.5v7M5 9c4 0 6-1 6-3.5M5 4.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Zm0 10a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM11 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z",
	bundle: "m8 1.8 5.5 3v6.4L8 14.2l-5.5-3V4.8L8 1.8Zm0 6.2 5.5-3.2M8 8v6.2M8 8 2.5 4.8",
	check: "m3 8.5 3.2 3.2L13 4.8",
	chevron: "m6 3.5 4.5 4.5L6 12.5",
	contrast: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M10 3v10m2-8.500v7",
	cross: "m4.5 4.5 7 7m0-7-7 7",
	dirty: "m10.5 3 2.5 2.5L6 12.5l-3.2.7.7-3.2L10.5 3Z",
	down: "M8 3v9.5M4 8.8l4 4 4-4",
	download: "M8 2v8M4.8 7l3.2 3.2L11.2 7M2.5 13.5h11",
	eye: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
	file: "M4 1.8h5.2L12.5 5v9.2H4V1.8Zm5 0V5.2h3.5",
	folder: "M1.8 3.5h4.4l1.4 1.8h6.6v7.4H1.8V3.5Z",
	info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-6.8v3.6M8 5.1v.1",
	minus: "M3.5 8h9",
	missing: "M4.5 12.5a3 3 0 0 1-.3-6A4 4 0 0 1 11.8 7a2.8 2.8 0 0 1 .2 5.5M8 8v5.5M6 11.6l2 2 2-2",
	play: "M4.5 2.8v10.4L13 8 4.5 2.8Z",
	question: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.3 6.3a1.7 1.7 0 1 1 2.4 1.6c-.5.2-.7.5-.7 1.1m0 2v.1",
	remote: "M4.5 11.5a3 3 0 0 1-.3-6A4 4 0 0 1 11.8 6a2.8 2.8 0 0 1 .2 5.5M6 10.5l1.700 1.700 3-3.200",
	search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm3.3-1.2 3.4 3.4",
	sort: "m5 6 3-3 3 3M5 10l3 3 3-3",
	sortDown: "m4.5 6 3.5 4L11.5 6",
	sortUp: "m4.5 10 3.5-4 3.5 4",
	split: "M8 14V9.5L3.5 5m0 0V8m0-3h3M8 9.5 12.5 5m0 0V8m0-3h-3",
	stop: "M4 4h8v8H4z",
	sync: "M13.2 7A5.3 5.3 0 0 0 3.9 4.6L2.5 6m0-3.5V6H6M2.8 9a5.3 5.3 0 0 0 9.3 2.4l1.4-1.4m0 3.5V10H10",
	tag: "M2.5 2.5h5l6 6-5 5-6-6v-5Zm2.800 2.800v.1",
	trash: "M2.8 4.2h10.4M6.2 4V2.5h3.6V4M4 4.2l.6 9.3h6.8l.6-9.3M6.6 7v4m2.8-4v4",
	up: "M8 13V3.5M4 7.2l4-4 4 4",
	warning: "M8 2.2 14.5 13.5h-13L8 2.2Zm0 4.3v3.2m0 1.9v.1",
	wrench:
		"M13.6 4.6 11.3 7 9 4.7l2.3-2.3a3.6 3.6 0 0 0-4.6 4.6l-4.3 4.3a1.3 1.3 0 0 0 1.9 1.9L8.600 9a3.6 3.6 0 0 0 5-4.400Z",
} as const;

export type IconName = keyof typeof outlines;

/** Hidden from screen readers: text next to it must say the same. */
export function Icon({ name, size = 14 }: { name: IconName; size?: number }) {
	return (
		<svg
			width={size}
			height={size}
			viewBox="0 0 16 16"
			fill="none"
			stroke="currentColor"
			strokeWidth={1.5}
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
			style={{ flex: "none" }}
		>
			<path d={outlines[name]} />
		</svg>
	);
}

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

export type Look = readonly [tone: Tone, icon: IconName, label: string];

/** Renders a plain element, because long tables contain hundreds. */
export function StatusBadge({ look: [tone, icon, label], title }: { look: Look; title?: string | undefined }) {
	return (
		<span className="badge" data-tone={tone} title={title}>
			<Icon name={icon} size={13} />
			{label}
		</span>
	);
}

/** Names the state in words for screen readers. */
export function StatusItem({ look: [tone, icon, label], children }: { look: Look; children: ReactNode }) {
	return (
		<Group component="li" gap={8} wrap="nowrap" align="baseline" data-tone={tone}>
			<Icon name={icon} size={12} />
			<div className="breaks">
				<VisuallyHidden>{label}: </VisuallyHidden>
				{children}
			</div>
		</Group>
	);
}

/** Replaces a badge until its state is known. */
export function PendingBadge({ label }: { label: string }) {
	return (
		<Skeleton width={68} height={20} display="inline-block">
			<VisuallyHidden>{label}</VisuallyHidden>
		</Skeleton>
	);
}

type TestStatus = TestEntry["status"] | TestEntry["attempts"][number]["execution_status"];

const passed: Look = ["good", "check", "Passed"];
const failed: Look = ["bad", "cross", "Failed"];
const ungraded: Look = ["warn", "warning", "Not graded"];
const testLooks: Readonly<Record<TestStatus, Look>> = {
	...{ passed, failed, error: ungraded, not_run: ["quiet", "minus", "Not run"] },
	...{ ok: passed, quality_failure: failed, execution_error: ungraded },
};

export function TestBadge({ status }: { status: TestStatus }) {
	return <StatusBadge look={testLooks[status]} />;
}

const runLooks: Readonly<Record<RunEntry["state"], Look>> = {
	"under way": ["info", "play", "Running"],
	finished: ["quiet", "check", "Done"],
	unfinished: ["warn", "stop", "Interrupted"],
	unreadable: ["bad", "question", "Unreadable"],
};

export function RunBadge({ state }: { state: RunEntry["state"] }) {
	return <StatusBadge look={runLooks[state]} />;
}

/** `counts` is undefined until the eval is validated. */
export function PortabilityBadge({ counts }: { counts: { errors: number; warnings: number } | undefined }) {
	if (!counts) return <PendingBadge label="Validating" />;
	const errors = plural(counts.errors, "error");
	const warnings = plural(counts.warnings, "warning");
	if (counts.errors > 0) return <StatusBadge look={["bad", "cross", errors]} title={`${errors}, ${warnings}`} />;
	if (counts.warnings > 0) return <StatusBadge look={["warn", "warning", warnings]} />;
	return <StatusBadge look={["good", "check", "Portable"]} />;
}

export function Time({ at }: { at: string }) {
	return (
		<time dateTime={at} title={moment(at)}>
			{ago(at)}
		</time>
	);
}

const noteIcons: Readonly<Record<Tone, IconName>> = {
	good: "check",
	warn: "warning",
	bad: "warning",
	info: "info",
	quiet: "info",
};

interface NoteProps {
	readonly tone: Tone;
	readonly title?: ReactNode;
	readonly children?: ReactNode;
	/** Announced when it appears, as the result of an action. */
	readonly live?: boolean;
	readonly onDismiss?: () => void;
}

export function Note({ tone, title, children, live, onDismiss }: NoteProps) {
	return (
		<Alert
			color={tone}
			role={live ? (tone === "bad" ? "alert" : "status") : "note"}
			title={title}
			icon={<Icon name={noteIcons[tone]} size={15} />}
			{...(onDismiss ? { withCloseButton: true, closeButtonLabel: "Dismiss", onClose: onDismiss } : {})}
		>
			{children}
		</Alert>
	);
}

/** `percent` is null if the end is unknown. */
export function ProgressLine({ label, percent: value }: { label: string; percent: number | null }) {
	const known = value === null ? undefined : Math.floor(Math.max(0, Math.min(100, value)));
	return (
		<div>
			<Group justify="space-between" mb={4} fz="xs" c="dimmed" wrap="nowrap">
				<span className="breaks">{label}</span>
				<Text span fz="xs" c="var(--text)">
					{known === undefined ? "" : `${known} %`}
				</Text>
			</Group>
			<Progress.Root size={4}>
				<Progress.Section
					value={known ?? 100}
					animated={known === undefined}
					withAria={false}
					role="progressbar"
					aria-label={label}
					aria-valuemin={0}
					aria-valuemax={100}
					aria-valuenow={known}
				/>
			</Progress.Root>
		</div>
	);
}

interface Counts {
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	readonly planned: number;
}

export function PassBar({ counts, withPercent = true }: { counts: Counts; withPercent?: boolean }) {
	const { passed, failed, errors, planned } = counts;
	const left = Math.max(0, planned - passed - failed - errors);
	const title = [
		`${passed} passed`,
		`${failed} failed`,
		...(errors > 0 ? [`${errors} not graded`] : []),
		...(left > 0 ? [`${left} not run`] : []),
	].join(", ");
	const section = (count: number, color: string) => (
		<Progress.Section
			value={planned === 0 ? 0 : (count / planned) * 100}
			color={`var(--bar-${color})`}
			withAria={false}
		/>
	);
	return (
		<Group component="span" gap={8} wrap="nowrap" miw={0} title={title} display="inline-flex">
			<Progress.Root size={6} w={72} flex="1 1 72px" role="img" aria-label={title}>
				{section(passed, "good")}
				{section(failed, "bad")}
				{section(errors, "warn")}
			</Progress.Root>
			{withPercent ? (
				<Text span miw={44} ta="right">
					{planned === 0 ? "–" : percent(passed / planned)}
				</Text>
			) : null}
		</Group>
	);
}
