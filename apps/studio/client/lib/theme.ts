import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Greys of the dark scheme: slightly blue, so that they sit with the light one's. */
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

/** System fonts (nothing is fetched), calm blue, shades that keep the contrast axe asks for in both schemes. */
export const theme = createTheme({
	primaryColor: "blue",
	primaryShade: 8,
	colors: { dark },
	fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
	fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
	fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
	defaultRadius: "sm",
	cursorType: "pointer",
	components: { Button: { styles: { label: { fontWeight: 550 } } } },
});
