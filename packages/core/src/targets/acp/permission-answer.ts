import type { RequestPermissionRequest, RequestPermissionResponse } from "@agentclientprotocol/sdk";
import { lookUp } from "../../base/look-up.ts";
import type { ProviderSettings } from "../../schema/target-file.ts";

type Permissions = ProviderSettings<"acp">["permissions"];

/** `permissions` is one word, or one per kind of action. Default: allow. */
export function permissionAnswer(
	request: RequestPermissionRequest,
	permissions: Permissions,
): RequestPermissionResponse {
	const wanted = wordFor(request.toolCall.kind ?? "other", permissions);
	const preferred = wanted === "allow" ? ["allow_once", "allow_always"] : ["reject_once", "reject_always"];
	for (const kind of preferred) {
		const option = request.options.find((candidate) => candidate.kind === kind);
		if (option) return { outcome: { outcome: "selected", optionId: option.optionId } };
	}
	return { outcome: { outcome: "cancelled" } };
}

function wordFor(kind: string, permissions: Permissions): "allow" | "reject" {
	if (typeof permissions !== "object") return permissions ?? "allow";
	const words: Readonly<Record<string, "allow" | "reject" | undefined>> = permissions;
	// A list of allowed kinds allows nothing else; a list of rejected kinds rejects nothing else.
	const rest = Object.values(permissions).every((word) => word === "allow") ? "reject" : "allow";
	return lookUp(words, kind) ?? words["default"] ?? rest;
}
