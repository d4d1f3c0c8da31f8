// A mock agent: prints what the extensions passed to it.
import { readFileSync } from "node:fs";

const context = JSON.parse(process.env.AGENTV_PROVIDER_CONTEXT);
console.log(`catalogue: ${JSON.parse(readFileSync(context.catalogue, "utf8")).length} words`);
console.log(`token: ${context.token}`);
console.log(`word of the test: ${readFileSync("word.txt", "utf8")}`);
