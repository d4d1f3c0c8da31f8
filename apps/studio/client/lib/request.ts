import { unwrap } from "./api.ts";

type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

function token(): string {
	return document.querySelector<HTMLMetaElement>('meta[name="agentv-token"]')?.content ?? "";
}

export function read<Body>(path: string, query: Query = {}): Promise<Body> {
	return unwrap<Body>(fetch(`/api${path}${search(query)}`));
}

export function write<Body>(method: "POST" | "DELETE", path: string, body: unknown = {}): Promise<Body> {
	return unwrap<Body>(
		fetch(`/api${path}`, {
			method,
			headers: { "x-agentv-token": token(), "content-type": "application/json" },
			body: JSON.stringify(body),
		}),
	);
}

export function search(query: Query): string {
	const words = new URLSearchParams();
	for (const [key, value] of Object.entries(query)) {
		if (value === undefined || value === "") continue;
		for (const one of Array.isArray(value) ? value : [value]) words.append(key, String(one));
	}
	const text = words.toString();
	return text === "" ? "" : `?${text}`;
}
