/** Reads an event stream that ends with `{type: "end"}`; the stream is closed then, or when `signal` aborts. */
export function readEvents<Event extends { readonly type: string }>(
	url: string,
	signal: AbortSignal,
	onEvent: (event: Event) => void,
): Promise<void> {
	return new Promise((resolve, reject) => {
		const source = new EventSource(url);
		const stop = () => {
			source.close();
			resolve();
		};
		signal.addEventListener("abort", stop, { once: true });
		source.onmessage = (message: MessageEvent<string>) => {
			const event = JSON.parse(message.data) as Event;
			if (event.type === "end") stop();
			else onEvent(event);
		};
		source.onerror = () => {
			source.close();
			reject(new Error("the connection to Studio was lost"));
		};
	});
}

/** `?id=a&id=b`. */
export function withIds(ids: readonly string[]): string {
	return `?${new URLSearchParams(ids.map((id) => ["id", id]))}`;
}
