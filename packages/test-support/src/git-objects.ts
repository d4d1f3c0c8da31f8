import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";

const head = "ref: refs/heads/main\n";
const config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";
const bareConfig =
	"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n[http]\n\treceivepack = false\n";

/** Writes what `git init` does; if `isBare`, with the settings of a server. */
export function writeRepository(gitDirectory: string, isBare: boolean): void {
	for (const directory of ["hooks", "info", "objects/info", "objects/pack", "refs/heads", "refs/tags"])
		mkdirSync(join(gitDirectory, directory), { recursive: true });
	writeFileSync(join(gitDirectory, "HEAD"), head);
	writeFileSync(join(gitDirectory, "config"), isBare ? bareConfig : config);
}

/**
 * Pushes all branches and tags for the first time, without a process. Returns false, without
 * writing, if a repository contains more than loose objects and refs.
 */
export function copyRepository(gitDirectory: string, bare: string): boolean {
	const isPacked = existsSync(join(gitDirectory, "packed-refs")) || !isEmpty(join(gitDirectory, "objects/pack"));
	const isShared = existsSync(join(gitDirectory, "shallow")) || !isEmpty(join(gitDirectory, "objects/info"));
	const isNew = ["refs/heads", "refs/tags", "objects/pack"].every((directory) => isEmpty(join(bare, directory)));
	if (isPacked || isShared || !isNew || existsSync(join(bare, "packed-refs"))) return false;
	for (const directory of ["objects", "refs/heads", "refs/tags"])
		cpSync(join(gitDirectory, directory), join(bare, directory), { recursive: true });
	return true;
}

function isEmpty(directory: string): boolean {
	return !existsSync(directory) || readdirSync(directory).length === 0;
}

/** Returns undefined if only git can resolve the branch. */
export function headOf(gitDirectory: string): string | undefined {
	const [, ref] = /^ref: (\S+)\n$/.exec(readFileSync(join(gitDirectory, "HEAD"), "utf8")) ?? [];
	const file = join(gitDirectory, ref ?? "");
	return ref !== undefined && existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

interface Entry {
	readonly name: string;
	readonly mode: "100644" | "100755" | "120000" | "40000";
	readonly hash: string;
}
interface IndexEntry extends Omit<Entry, "name"> {
	readonly path: string;
	readonly file: string;
}

/**
 * Does what `git add --all --force` and a first `git commit` do, without a process, because tests
 * create hundreds of repositories. Returns undefined, after writing at most objects, if the files
 * need git itself: attributes, submodules, odd files.
 */
export function writeFirstCommit(root: string, message: string): string | undefined {
	const gitDirectory = join(root, ".git");
	if (!/^\S(.*\S)?$/.test(message)) return undefined;
	const index: IndexEntry[] = [];
	const tree = writeTreeObject(root, "", (kind, data) => writeObject(gitDirectory, kind, data), index);
	if (tree === undefined) return undefined;
	const who = `Test <test@example.com> ${Math.floor(Date.now() / 1000)} +0000`;
	const text = `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`;
	const commit = writeObject(gitDirectory, "commit", Buffer.from(text));
	writeFileSync(join(gitDirectory, "index"), indexOf(index));
	writeFileSync(join(gitDirectory, "refs/heads/main"), `${commit}\n`);
	return commit;
}

type Write = (kind: string, data: Buffer) => string;

function writeTreeObject(root: string, below: string, write: Write, index: IndexEntry[]): string | undefined {
	const entries: Entry[] = [];
	for (const name of readdirSync(join(root, below))) {
		if (below === "" && name === ".git") continue;
		const path = below === "" ? name : `${below}/${name}`;
		const file = join(root, path);
		const stat = lstatSync(file);
		if (name === ".git" || name === ".gitattributes" || name.includes("\ufffd")) return undefined;
		if (stat.isDirectory()) {
			const before = index.length;
			const hash = writeTreeObject(root, path, write, index);
			if (hash === undefined) return undefined;
			if (index.length > before) entries.push({ name, mode: "40000", hash });
			continue;
		}
		if (!stat.isFile() && !stat.isSymbolicLink()) return undefined;
		const hash = write("blob", stat.isFile() ? readFileSync(file) : readlinkSync(file, "buffer"));
		const mode = stat.isSymbolicLink() ? "120000" : stat.mode & 0o100 ? "100755" : "100644";
		entries.push({ name, mode, hash });
		index.push({ path, file, mode, hash });
	}
	const sortedBy = ({ name, mode }: Entry) => Buffer.from(mode === "40000" ? `${name}/` : name);
	entries.sort((left, right) => Buffer.compare(sortedBy(left), sortedBy(right)));
	const lines = entries.flatMap(({ name, mode, hash }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(hash, "hex")]);
	return write("tree", Buffer.concat(lines));
}

function writeObject(gitDirectory: string, kind: string, data: Buffer): string {
	const whole = Buffer.concat([Buffer.from(`${kind} ${data.length}\0`), data]);
	const hash = createHash("sha1").update(whole).digest("hex");
	const file = join(gitDirectory, "objects", hash.slice(0, 2), hash.slice(2));
	if (!existsSync(file)) {
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, deflateSync(whole, { level: 1 }), { mode: 0o444 });
	}
	return hash;
}

function indexOf(entries: readonly IndexEntry[]): Buffer {
	const rows = entries.map((entry) => ({ ...entry, bytes: Buffer.from(entry.path) }));
	rows.sort((left, right) => Buffer.compare(left.bytes, right.bytes));
	const header = Buffer.alloc(12);
	header.write("DIRC");
	header.writeUInt32BE(2, 4);
	header.writeUInt32BE(rows.length, 8);
	const body = Buffer.concat([header, ...rows.map(indexRow)]);
	return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

function indexRow({ bytes, file, mode, hash }: IndexEntry & { readonly bytes: Buffer }): Buffer {
	const stat = lstatSync(file, { bigint: true });
	const row = Buffer.alloc(62 + bytes.length + 8 - ((62 + bytes.length) % 8));
	const second = 1_000_000_000n;
	const numbers = [
		...[stat.ctimeNs / second, stat.ctimeNs % second, stat.mtimeNs / second, stat.mtimeNs % second],
		...[stat.dev, stat.ino, BigInt(Number.parseInt(mode, 8)), stat.uid, stat.gid, stat.size],
	];
	for (const [at, number] of numbers.entries()) row.writeUInt32BE(Number(BigInt.asUintN(32, number)), 4 * at);
	row.write(hash, 40, "hex");
	row.writeUInt16BE(Math.min(bytes.length, 0xfff), 60);
	bytes.copy(row, 62);
	return row;
}
