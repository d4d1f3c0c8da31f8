import type { TargetProblem } from "../contract.ts";

/** Reported before the first test, since every test would fail. */
export function keyProblem(target: string, key: string | undefined, variable: string): TargetProblem | undefined {
	if (key) return undefined;
	return {
		message: `target ${JSON.stringify(target)} has no api_key`,
		hint: `set ${variable}, or add to the target \`api_key: \${{ ${variable} }}\``,
	};
}

export function modelProblem(target: string, model: string | undefined): TargetProblem | undefined {
	return model ? undefined : { message: `target ${JSON.stringify(target)} has no model`, hint: "add `model: …`" };
}

/** An address that can't be requested. */
export function addressProblem(target: string, address: string | undefined): TargetProblem | undefined {
	if (address === undefined) return undefined;
	const url = URL.canParse(address) ? new URL(address) : undefined;
	if (url?.protocol === "http:" || url?.protocol === "https:") return undefined;
	return {
		message: `target ${JSON.stringify(target)} has a \`base_url\` that is not a web address`,
		hint: "it must begin with http:// or https://",
	};
}
