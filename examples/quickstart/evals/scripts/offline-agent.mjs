// A mock agent: follows "In FILE replace `this` by `that`." in the current directory.
import { readFileSync, writeFileSync } from "node:fs";

const prompt = readFileSync(process.argv[2], "utf8");
const [, file, from, to] = /In (\S+) replace `([^`]+)` by `([^`]+)`/.exec(prompt) ?? [];

if (file === undefined) {
	console.log("I only know how to replace one thing by another.");
} else {
	const text = readFileSync(file, "utf8");
	if (text.includes(from))
		writeFileSync(
			file,
			text.replace(from, () => to),
		);
	console.log(text.includes(from) ? `Replaced \`${from}\` in ${file}` : `There is no \`${from}\` in ${file}`);
}
