import "@mantine/core/styles/baseline.css";
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/global.css";
// Styles of components that many screens use; those that others build on come first.
import "@mantine/core/styles/UnstyledButton.css";
import "@mantine/core/styles/Button.css";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Loader.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Group.css";
import "@mantine/core/styles/Stack.css";
import "@mantine/core/styles/Text.css";
import "@mantine/core/styles/Code.css";
import "@mantine/core/styles/Alert.css";
import "@mantine/core/styles/Breadcrumbs.css";
import "@mantine/core/styles/DataList.css";
import "@mantine/core/styles/EmptyState.css";
import "@mantine/core/styles/Pagination.css";
import "@mantine/core/styles/Progress.css";
import "@mantine/core/styles/Skeleton.css";
import "@mantine/core/styles/VisuallyHidden.css";
import "./app.css";
import {
	createTheme,
	defaultVariantColorsResolver,
	type MantineColorsTuple,
	MantineProvider,
	type VariantColorsResolver,
} from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type AnyRouter, RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./lib/api.ts";

/** The greys of the dark scheme are slightly blue, like those of the light scheme. */
const dark: MantineColorsTuple = [
	"#dfe3e8",
	"#b9c0ca",
	"#98a1ad",
	"#6f7883",
	"#3a424d",
	"#2b323c",
	"#20262e",
	"#171b21",
	"#101318",
	"#0b0d11",
];

/** Resolves colors that name a meaning to app.css's pairs of text and tint. */
const variantColorResolver: VariantColorsResolver = (input) => {
	const isTone = /^(good|warn|bad|info|quiet)$/.test(input.color ?? "");
	if (!isTone || input.variant !== "light") return defaultVariantColorsResolver(input);
	const tint = `var(--${input.color}-tint)`;
	return { background: tint, hover: tint, color: `var(--${input.color})`, border: "1px solid transparent" };
};

const formStyles = { label: { fontSize: 13 }, input: { fontSize: 13 }, description: { fontSize: 12 } };

const theme = createTheme({
	primaryColor: "blue",
	primaryShade: 8,
	colors: { dark },
	variantColorResolver,
	// System fonts, so that nothing is fetched.
	fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
	fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
	fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
	defaultRadius: "sm",
	cursorType: "pointer",
	components: {
		Alert: {
			defaultProps: { variant: "light" },
			classNames: { root: "alert" },
			styles: { body: { gap: 2 }, icon: { marginInlineEnd: 8, width: 16 }, message: { color: "var(--text)" } },
		},
		Button: { defaultProps: { size: "xs", variant: "default", fw: 550 } },
		Checkbox: { defaultProps: { size: "xs" }, styles: formStyles },
		DataList: { defaultProps: { size: "sm" } },
		NativeSelect: { defaultProps: { size: "xs" } },
		Paper: { defaultProps: { withBorder: true, radius: 6 } },
		Progress: { defaultProps: { color: "var(--accent)" } },
		Table: { defaultProps: { fz: "sm" } },
		Text: { defaultProps: { size: "sm" } },
		TextInput: { defaultProps: { size: "xs" }, styles: formStyles },
	},
});

const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			// Retries only if the server was unreachable; error responses don't change.
			retry: (count, error) => count < 2 && error instanceof ApiError && error.status === 0,
		},
	},
});

export function render(router: AnyRouter): void {
	const root = document.getElementById("root");
	if (!root) return;
	createRoot(root).render(
		<StrictMode>
			<MantineProvider theme={theme} defaultColorScheme="auto">
				<QueryClientProvider client={queryClient}>
					<RouterProvider router={router} />
				</QueryClientProvider>
			</MantineProvider>
		</StrictMode>,
	);
}
