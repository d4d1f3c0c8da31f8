import {
	Breadcrumbs,
	Button,
	type ButtonProps,
	DataList,
	EmptyState,
	Group,
	Loader,
	Pagination,
	Paper,
	Text,
} from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { createLink, Link } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, type CSSProperties, type ReactNode, type Ref, useEffect, useId } from "react";
import classes from "../layout.module.css";
import { isExport } from "../lib/api.ts";
import { Icon, type IconName, Note } from "./status.tsx";

interface Crumb {
	readonly label: string;
	readonly to: string;
}

interface PageHeaderProps {
	readonly title: string;
	readonly crumbs?: readonly Crumb[];
	readonly badges?: ReactNode;
	readonly description?: ReactNode;
	readonly actions?: ReactNode;
}

/** Also sets the title of the browser's tab. */
export function PageHeader({ title, crumbs = [], badges, description, actions }: PageHeaderProps) {
	useEffect(() => {
		document.title = `${title} · AgentV${isExport ? "" : " Studio"}`;
	}, [title]);
	const shown = crumbs.filter(({ to }) => !isExport || to.startsWith("/runs/"));
	return (
		<header style={{ marginBottom: 16 }}>
			{shown.length > 0 ? (
				<nav aria-label="Breadcrumb">
					<Breadcrumbs separator={<Icon name="chevron" size={11} />} separatorMargin={6} fz="xs" mb={6}>
						{shown.map(({ label, to }) => (
							<Link key={to} to={to} className={classes.crumb}>
								{label}
							</Link>
						))}
					</Breadcrumbs>
				</nav>
			) : null}
			<Group justify="space-between" align="flex-start" gap="sm">
				<div style={{ flex: "1 1 300px", minWidth: 0 }}>
					<Group gap="xs">
						<Text component="h1" fz={20} lh="28px" fw={650} className="breaks">
							{title}
						</Text>
						{badges}
					</Group>
					{description ? (
						<Text component="div" c="dimmed" mt={2} className="breaks">
							{description}
						</Text>
					) : null}
				</div>
				{actions ? <Group gap={8}>{actions}</Group> : null}
			</Group>
		</header>
	);
}

interface PanelProps {
	readonly title?: ReactNode;
	readonly aside?: ReactNode;
	/** Omits the padding, for tables and code. */
	readonly flush?: boolean;
	readonly children: ReactNode;
}

export function Panel({ title, aside, flush, children }: PanelProps) {
	const heading = useId();
	return (
		<Paper component="section" className={classes.panel} aria-labelledby={title ? heading : undefined}>
			{title ? (
				<Group
					justify="space-between"
					gap="4px 12px"
					mih={40}
					px={14}
					py={6}
					c="dimmed"
					fz={12.5}
					style={{ borderBottom: "1px solid var(--line)" }}
				>
					<Text component="h2" id={heading} fw={600} c="var(--text)" className="breaks">
						{title}
					</Text>
					{aside}
				</Group>
			) : null}
			<Text component="div" p={flush ? 0 : "12px 14px"}>
				{children}
			</Text>
		</Paper>
	);
}

/** Fits as many columns of at least `min` pixels as there is room for. */
export function columns(min: number, gap = "8px 24px"): CSSProperties {
	return { display: "grid", gridTemplateColumns: `repeat(auto-fit, minmax(min(100%, ${min}px), 1fr))`, gap };
}

export function Facts({ of }: { of: Readonly<Record<string, ReactNode>> }) {
	return (
		<DataList orientation="vertical" style={columns(250)}>
			{Object.entries(of).map(([term, value]) =>
				value === null || value === undefined || value === "" ? null : (
					<DataList.Item key={term} miw={0}>
						<DataList.ItemLabel fz="xs">{term}</DataList.ItemLabel>
						<DataList.ItemValue maw="100%" className="breaks">
							{value}
						</DataList.ItemValue>
					</DataList.Item>
				),
			)}
		</DataList>
	);
}

export function mono(text: string | null | undefined): ReactNode {
	return text ? <span className="mono">{text}</span> : null;
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
	return (
		<EmptyState size="sm" py={36} px="md" icon={<Icon name={icon} size={26} />} title={title} description={children} />
	);
}

interface LoadStateProps<Data> {
	readonly query: UseQueryResult<Data>;
	readonly label?: string;
	readonly children: (data: Data) => ReactNode;
}

/** Renders a loader, an error or the data, and never a blank page. */
export function LoadState<Data>({ query, label, children }: LoadStateProps<Data>) {
	const failure = query.isError ? <Failure error={query.error} retry={() => void query.refetch()} /> : null;
	if (query.data === undefined) return failure ?? <Loading label={label} />;
	return (
		<>
			{failure}
			{children(query.data)}
		</>
	);
}

/** Appears with a delay, so that fast responses don't flicker. */
export function Loading({ label = "Loading" }: { label?: string | undefined }) {
	return (
		<Group justify="center" gap="xs" mih={180} c="dimmed" fz="sm" role="status" className={classes.loading}>
			<Loader size={18} color="gray" />
			<span>{label}</span>
		</Group>
	);
}

interface Problem {
	readonly message: string;
	readonly hint?: string | undefined;
}

export function Failure({ error, retry }: { error: Problem; retry?: () => void }) {
	const { message, hint } = error;
	return (
		<Text component="div" mb="sm">
			<Note tone="bad" live title={capitalize(message)}>
				{hint ? <p>{capitalize(hint)}</p> : null}
				{retry ? (
					<Button size="compact-sm" mt={6} onClick={retry}>
						Try again
					</Button>
				) : null}
			</Note>
		</Text>
	);
}

function capitalize(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

interface PagerProps {
	readonly page: number;
	readonly pages: number;
	readonly onPage: (page: number) => void;
}

export function Pager({ page, pages, onPage }: PagerProps) {
	return (
		<nav aria-label="Pages">
			<Pagination
				mt="sm"
				size="sm"
				hideWithOnePage
				total={pages}
				value={page}
				onChange={onPage}
				getControlProps={(control) => ({ "aria-label": control === "next" ? "Next page" : "Previous page" })}
				getItemProps={(number) => ({ "aria-label": `Page ${number}` })}
			/>
		</nav>
	);
}

type ButtonAnchorProps = ButtonProps &
	Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "color" | "style"> & { ref?: Ref<HTMLAnchorElement> };

/** Renders only text in an exported page, which has no other screens. */
export const ScreenLink = (isExport ? ({ children }: { children: ReactNode }) => children : Link) as typeof Link;

export const ButtonLink = createLink((props: ButtonAnchorProps) => <Button component="a" {...props} />);

/** Filters a list; for use in `Chips`. */
export const Chip = createLink(({ isCurrent, ...props }: ButtonAnchorProps & { isCurrent: boolean }) => (
	<Button
		component="a"
		size="compact-sm"
		radius="xl"
		fz={12.5}
		{...(isCurrent ? { variant: "light", color: "info", bd: "1px solid var(--accent)" } : { c: "dimmed", fw: 400 })}
		{...props}
		aria-current={isCurrent ? "true" : undefined}
	/>
));

export function Chips({ label, children }: { label: string; children: ReactNode }) {
	return (
		<Group component="nav" aria-label={label} gap={4}>
			{children}
		</Group>
	);
}

type TabProps = AnchorHTMLAttributes<HTMLAnchorElement> & { ref?: Ref<HTMLAnchorElement>; isCurrent: boolean };

/** For use in `Tabs`. Each part of a screen has its own address. */
export const Tab = createLink(({ isCurrent, ...props }: TabProps) => (
	<a {...props} className={classes.tab} aria-current={isCurrent ? "true" : undefined} />
));

export function Tabs({ label, children }: { label: string; children: ReactNode }) {
	return (
		<Group
			component="nav"
			aria-label={label}
			gap={4}
			mb={14}
			wrap="nowrap"
			style={{ overflowX: "auto", borderBottom: "1px solid var(--line)" }}
		>
			{children}
		</Group>
	);
}
