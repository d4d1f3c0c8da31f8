import "@mantine/core/styles/baseline.css";
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/global.css";
import "./styles.ts";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./lib/api.ts";
import { theme } from "./lib/theme.ts";
import { router } from "./router.tsx";

const queries = new QueryClient({
	defaultOptions: {
		queries: {
			// A refusal does not change by asking again; only an unreachable server is worth a second try.
			retry: (count, error) => count < 2 && error instanceof ApiError && error.status === 0,
		},
	},
});

const place = document.getElementById("root");
if (place) {
	createRoot(place).render(
		<StrictMode>
			<MantineProvider theme={theme} defaultColorScheme="auto">
				<QueryClientProvider client={queries}>
					<RouterProvider router={router} />
				</QueryClientProvider>
			</MantineProvider>
		</StrictMode>,
	);
}
