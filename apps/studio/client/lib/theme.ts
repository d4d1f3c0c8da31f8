import { createTheme } from "@mantine/core";

/** System fonts (nothing is fetched), calm blue, shades that keep the contrast axe asks for in both schemes. */
export const theme = createTheme({
	primaryColor: "blue",
	primaryShade: 8,
	fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
	fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
	defaultRadius: "sm",
	cursorType: "pointer",
});
