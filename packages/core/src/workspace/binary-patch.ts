import { once } from "node:events";
import { createDeflate, deflateSync } from "node:zlib";

/** The alphabet of git's base 85. */
const letters = Buffer.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~");
/** Bytes of compressed content per line. */
const lineBytes = 52;
/** Content up to this size is compressed synchronously. */
const smallSize = 1024 * 1024;

/** Encodes compressed bytes as lines of a `GIT binary patch`; all but the last contain 52 bytes. */
function encodeLines(bytes: Buffer): string {
	const result = Buffer.allocUnsafe(Math.ceil(bytes.length / lineBytes) * (2 + Math.ceil(lineBytes / 4) * 5));
	let to = 0;
	for (let start = 0; start < bytes.length; start += lineBytes) {
		const end = Math.min(start + lineBytes, bytes.length);
		const length = end - start;
		// A to Z for 1 to 26 bytes, then a to z.
		result[to++] = length <= 26 ? 64 + length : 96 + length - 26;
		for (let at = start; at < end; at += 4) {
			// Only the last line can end in less than four bytes; missing ones count as zeros.
			const [first = 0, second = 0, third = 0, fourth = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
			const value = ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
			const high = Math.trunc(value / 85 ** 3);
			const low = value - high * 85 ** 3;
			const middle = Math.trunc(low / 85);
			result[to] = letters[Math.trunc(high / 85)] ?? 0;
			result[to + 1] = letters[high % 85] ?? 0;
			result[to + 2] = letters[Math.trunc(middle / 85)] ?? 0;
			result[to + 3] = letters[middle % 85] ?? 0;
			result[to + 4] = letters[low - middle * 85] ?? 0;
			to += 5;
		}
		result[to++] = 10;
	}
	return result.toString("latin1", 0, to);
}

/**
 * Writes the hunk of a `GIT binary patch` with a file's whole content, in bounded memory.
 * @param read passes the content in chunks
 */
export async function writeBinaryHunk(
	size: number,
	read: (take: (chunk: Buffer) => void | Promise<void>) => Promise<void>,
	write: (text: string) => void,
): Promise<void> {
	write(`GIT binary patch\nliteral ${size}\n`);
	if (size <= smallSize) {
		const chunks: Buffer[] = [];
		await read((chunk) => void chunks.push(Buffer.from(chunk)));
		write(encodeLines(deflateSync(Buffer.concat(chunks))));
	} else await writeCompressed(read, write);
	write("\n");
}

async function writeCompressed(
	read: (take: (chunk: Buffer) => void | Promise<void>) => Promise<void>,
	write: (text: string) => void,
): Promise<void> {
	const deflate = createDeflate({ level: 1 });
	const written = writeLinesOf(deflate, write);
	// Awaited below, but it can fail before that.
	written.catch(() => undefined);
	await read(async (chunk) => {
		// The stream can keep its input, and the caller reuses the buffer.
		if (!deflate.write(Buffer.from(chunk))) await Promise.race([once(deflate, "drain"), written]);
	});
	deflate.end();
	await written;
}

async function writeLinesOf(compressed: AsyncIterable<Buffer>, write: (text: string) => void): Promise<void> {
	let rest: Buffer = Buffer.alloc(0);
	for await (const chunk of compressed) {
		rest = Buffer.concat([rest, chunk]);
		const whole = rest.length - (rest.length % lineBytes);
		write(encodeLines(rest.subarray(0, whole)));
		rest = rest.subarray(whole);
	}
	write(encodeLines(rest));
}
