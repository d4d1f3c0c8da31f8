import { Anchor, AppShell, Badge, Container, Group, Text, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { api, unwrap } from "../lib/api.ts";

const places = [
	{ to: "/", label: "Benchmarks" },
	{ to: "/runs", label: "Runs" },
] as const;

/** The frame around every screen: name, main places, and the screen itself. */
export function Frame() {
	const about = useQuery({
		queryKey: ["about"],
		queryFn: () => unwrap(api.about.$get()),
		staleTime: Number.POSITIVE_INFINITY,
	});
	return (
		<AppShell header={{ height: 52 }} padding="md">
			<AppShell.Header>
				<Container size="xl" h="100%">
					<Group h="100%" justify="space-between" wrap="nowrap">
						<Group gap="lg" wrap="nowrap" component="nav" aria-label="Main">
							<Anchor component={Link} to="/" fw={700} c="inherit" underline="never">
								AgentV<VisuallyHidden> Studio: home</VisuallyHidden>
							</Anchor>
							{places.map(({ to, label }) => (
								<Anchor
									key={to}
									component={Link}
									to={to}
									size="sm"
									c="inherit"
									activeProps={{ "aria-current": "page" }}
								>
									{label}
								</Anchor>
							))}
						</Group>
						<Group gap="xs" wrap="nowrap">
							{about.data?.read_only ? <Badge variant="default">read-only</Badge> : null}
							<Text size="xs" c="dimmed" visibleFrom="xs">
								{about.data?.version}
							</Text>
						</Group>
					</Group>
				</Container>
			</AppShell.Header>
			<AppShell.Main>
				<Container size="xl" px={0}>
					<Outlet />
				</Container>
			</AppShell.Main>
		</AppShell>
	);
}
