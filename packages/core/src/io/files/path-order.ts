/** Compares two paths by their UTF-8 bytes, as git and `LC_ALL=C sort` do. */
export function compareByBytes(left: string, right: string): number {
	if (left === right) return 0;
	// UTF-16 order differs from byte order only if surrogates meet characters above them.
	const odd = /[\ud800-\uffff]/;
	if (odd.test(left) && odd.test(right)) return Buffer.compare(Buffer.from(left), Buffer.from(right));
	return left < right ? -1 : 1;
}
