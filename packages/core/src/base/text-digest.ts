/**
 * Returns 64 bits of `text` as 16 hex digits: fast and well distributed, for names and memo keys.
 * Not cryptographic: contents are compared by SHA-256.
 */
export function textDigest(text: string): string {
	let high = 0xdeadbeef;
	let low = 0x41c6ce57;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		high = Math.imul(high ^ unit, 0x9e3779b1);
		low = Math.imul(low ^ unit, 0x5f356495);
	}
	high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
	low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
	return hex(high) + hex(low);
}

function hex(bits: number): string {
	return (bits >>> 0).toString(16).padStart(8, "0");
}
