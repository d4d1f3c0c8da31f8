/** Returns a function that checks whether a text contains all words of `search`, ignoring case. */
export function matcher(search: string | undefined): (text: string) => boolean {
	const words = (search ?? "").toLowerCase().split(/\s+/).filter(Boolean);
	if (words.length === 0) return () => true;
	return (text) => {
		const lower = text.toLowerCase();
		return words.every((word) => lower.includes(word));
	};
}
