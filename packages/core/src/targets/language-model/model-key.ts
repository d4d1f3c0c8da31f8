import type { TargetProblem } from "../contract.ts";

/** A target of a hosted model without a key fails every test: said before any starts. */
export function keyProblem(target: string, key: string | undefined, variable: string): TargetProblem | undefined {
	if (key) return undefined;
	return {
		message: `target ${JSON.stringify(target)} has no api_key`,
		hint: `set ${variable}, or give the target \`api_key: \${{ ${variable} }}\``,
	};
}

export function modelProblem(target: string, model: string | undefined): TargetProblem | undefined {
	return model ? undefined : { message: `target ${JSON.stringify(target)} names no model`, hint: "give it `model: …`" };
}

/** An address that no request could go to. */
export function addressProblem(target: string, address: string | undefined): TargetProblem | undefined {
	if (address === undefined) return undefined;
	const url = URL.canParse(address) ? new URL(address) : undefined;
	if (url?.protocol === "http:" || url?.protocol === "https:") return undefined;
	return {
		message: `target ${JSON.stringify(target)} has a \`base_url\` that is no web address`,
		hint: "it begins with http:// or https://",
	};
}
