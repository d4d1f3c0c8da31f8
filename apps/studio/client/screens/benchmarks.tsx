import { Title } from "@mantine/core";

/** Every registry entry, its state, and what can be done about it. */
export function Benchmarks() {
	return (
		<Title order={1} size="h3">
			Benchmarks
		</Title>
	);
}
