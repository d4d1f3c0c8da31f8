import { isUtf8 } from "node:buffer";
import { lookUp } from "../../base/look-up.ts";
import type { RequestPiece } from "../contract.ts";

const byEnding: Readonly<Record<string, string>> = {
	png: "image/png",
	jpg: "image/jpeg",
	jpeg: "image/jpeg",
	gif: "image/gif",
	webp: "image/webp",
	pdf: "application/pdf",
	mp3: "audio/mpeg",
	wav: "audio/wav",
};

const bySignature: readonly (readonly [signature: string, mediaType: string])[] = [
	["\x89PNG", "image/png"],
	["\xff\xd8\xff", "image/jpeg"],
	["GIF8", "image/gif"],
	["%PDF-", "application/pdf"],
];

type FilePiece = Exclude<RequestPiece, { readonly type: "text" }>;

/** Returns a file's media type: from the eval, its first bytes, or its extension. */
export function mediaTypeOf({ type, path, mediaType }: FilePiece, bytes: Buffer): string {
	if (mediaType !== undefined) return mediaType;
	const head = bytes.subarray(0, 12).toString("latin1");
	const signed = bySignature.find(([signature]) => head.startsWith(signature))?.[1];
	if (signed !== undefined) return signed;
	if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "image/webp";
	const ending = path.split(".").at(-1)?.toLowerCase() ?? "";
	return lookUp(byEnding, ending) ?? (type === "image" ? "image/*" : "application/octet-stream");
}

/** Returns the bytes as UTF-8 without a byte order mark; undefined if they are not text. */
export function decodeText(bytes: Buffer): string | undefined {
	if (bytes.includes(0) || !isUtf8(bytes)) return undefined;
	return bytes.toString("utf8").replace(/^\ufeff/, "");
}
