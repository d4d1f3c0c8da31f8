/** Takes the user part (`user:password@`) out of every URL in `text`, and the value out of an authorization header. */
export function redactUrls(text: string): string {
	return text
		.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/'"<>]*@/gi, "$1")
		.replace(/(authorization:\s*(?:\w+\s+)?)[^\s'"]+/gi, "$1…");
}
